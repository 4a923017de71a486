"""Typed events and entities of Snowplow's ecommerce schemas."""

from collections.abc import Sequence
from typing import Literal, Unpack, overload

from nbtrack.tracker import EventOptions, SelfDescribing, SelfDescribingJson

__all__ = [
    "AddToCart",
    "Cart",
    "CheckoutStep",
    "CheckoutStepEntity",
    "Page",
    "Product",
    "ProductListClick",
    "ProductListView",
    "ProductView",
    "Promotion",
    "PromotionClick",
    "PromotionView",
    "Refund",
    "RefundEntity",
    "RemoveFromCart",
    "Transaction",
    "TransactionEntity",
    "TransactionError",
    "TransactionErrorEntity",
    "User",
]


class Cart(SelfDescribingJson):
    """A shopping cart.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/cart/jsonschema/1-0-0

    Parameters
    ----------
    currency : str
        Currency. Exactly 3 characters.
    total_value : float
        Total value. 0 to 9999999.
    cart_id : str | None, optional
        Cart identifier. At most 4096 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        currency: str,
        total_value: float,
        cart_id: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "currency": currency,
            "total_value": total_value,
        }
        if cart_id is not None:
            given["cart_id"] = cart_id
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/cart/jsonschema/1-0-0",
            given,
        )


class CheckoutStepEntity(SelfDescribingJson):
    """One page of the checkout.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/checkout_step/jsonschema/1-0-0

    Parameters
    ----------
    step : int
        Step. 1 to 90.
    account_type : str | None, optional
        Account type. At most 128 characters.
    billing_full_address : str | None, optional
        Billing full address. At most 4096 characters.
    billing_postcode : str | None, optional
        Billing postcode. At most 128 characters.
    coupon_code : str | None, optional
        Coupon code. At most 128 characters.
    delivery_method : str | None, optional
        Delivery method. At most 128 characters.
    delivery_provider : str | None, optional
        Delivery provider. At most 128 characters.
    marketing_opt_in : bool | None, optional
        Marketing opt in: yes or no.
    payment_method : str | None, optional
        Payment method. At most 128 characters.
    proof_of_payment : str | None, optional
        Proof of payment. At most 128 characters.
    shipping_full_address : str | None, optional
        Shipping full address. At most 4096 characters.
    shipping_postcode : str | None, optional
        Shipping postcode. At most 128 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        step: int,
        account_type: str | None = None,
        billing_full_address: str | None = None,
        billing_postcode: str | None = None,
        coupon_code: str | None = None,
        delivery_method: str | None = None,
        delivery_provider: str | None = None,
        marketing_opt_in: bool | None = None,
        payment_method: str | None = None,
        proof_of_payment: str | None = None,
        shipping_full_address: str | None = None,
        shipping_postcode: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "step": step,
        }
        if account_type is not None:
            given["account_type"] = account_type
        if billing_full_address is not None:
            given["billing_full_address"] = billing_full_address
        if billing_postcode is not None:
            given["billing_postcode"] = billing_postcode
        if coupon_code is not None:
            given["coupon_code"] = coupon_code
        if delivery_method is not None:
            given["delivery_method"] = delivery_method
        if delivery_provider is not None:
            given["delivery_provider"] = delivery_provider
        if marketing_opt_in is not None:
            given["marketing_opt_in"] = marketing_opt_in
        if payment_method is not None:
            given["payment_method"] = payment_method
        if proof_of_payment is not None:
            given["proof_of_payment"] = proof_of_payment
        if shipping_full_address is not None:
            given["shipping_full_address"] = shipping_full_address
        if shipping_postcode is not None:
            given["shipping_postcode"] = shipping_postcode
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/checkout_step/jsonschema/1-0-0",
            given,
        )


class Page(SelfDescribingJson):
    """The kind of shop page.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0

    Parameters
    ----------
    type : str
        Type, of the page. At most 128 characters.
    language : str | None, optional
        Language. At most 128 characters.
    locale : str | None, optional
        Locale. At most 128 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        type: str,
        language: str | None = None,
        locale: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "type": type,
        }
        if language is not None:
            given["language"] = language
        if locale is not None:
            given["locale"] = locale
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0",
            given,
        )


class Product(SelfDescribingJson):
    """An article of the shop.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0

    Parameters
    ----------
    category : str
        Category. At most 4096 characters.
    currency : str
        Currency. Exactly 3 characters.
    id : str
        Identifier, of the product. At most 4096 characters.
    price : float
        Price. 0 to 9999999.
    brand : str | None, optional
        Brand. At most 256 characters.
    creative_id : str | None, optional
        Creative identifier. At most 256 characters.
    inventory_status : str | None, optional
        Inventory status. At most 256 characters.
    list_price : float | None, optional
        List price. 0 to 9999999.
    name : str | None, optional
        Name, of the product. At most 4096 characters.
    position : int | None, optional
        Position. 0 to 9999999.
    quantity : int | None, optional
        Quantity. 0 to 9999999.
    size : str | None, optional
        Size, of the product. At most 256 characters.
    variant : str | None, optional
        Variant. At most 256 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        category: str,
        currency: str,
        id: str,
        price: float,
        brand: str | None = None,
        creative_id: str | None = None,
        inventory_status: str | None = None,
        list_price: float | None = None,
        name: str | None = None,
        position: int | None = None,
        quantity: int | None = None,
        size: str | None = None,
        variant: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "category": category,
            "currency": currency,
            "id": id,
            "price": price,
        }
        if brand is not None:
            given["brand"] = brand
        if creative_id is not None:
            given["creative_id"] = creative_id
        if inventory_status is not None:
            given["inventory_status"] = inventory_status
        if list_price is not None:
            given["list_price"] = list_price
        if name is not None:
            given["name"] = name
        if position is not None:
            given["position"] = position
        if quantity is not None:
            given["quantity"] = quantity
        if size is not None:
            given["size"] = size
        if variant is not None:
            given["variant"] = variant
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0",
            given,
        )


class Promotion(SelfDescribingJson):
    """An advertisement inside the shop.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/promotion/jsonschema/1-0-0

    Parameters
    ----------
    id : str
        Identifier, of the promotion. At most 4096 characters.
    creative_id : str | None, optional
        Creative identifier. At most 4096 characters.
    name : str | None, optional
        Name, of the promotion. At most 256 characters.
    position : int | None, optional
        Position. 0 to 9999999.
    product_ids : Sequence[str] | None, optional
        Product identifiers: a list.
    slot : str | None, optional
        Slot. At most 256 characters.
    type : str | None, optional
        Type, of the promotion. At most 256 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        id: str,
        creative_id: str | None = None,
        name: str | None = None,
        position: int | None = None,
        product_ids: Sequence[str] | None = None,
        slot: str | None = None,
        type: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "id": id,
        }
        if creative_id is not None:
            given["creative_id"] = creative_id
        if name is not None:
            given["name"] = name
        if position is not None:
            given["position"] = position
        if product_ids is not None:
            given["product_ids"] = product_ids
        if slot is not None:
            given["slot"] = slot
        if type is not None:
            given["type"] = type
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/promotion/jsonschema/1-0-0",
            given,
        )


class RefundEntity(SelfDescribingJson):
    """Money that was paid back.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/refund/jsonschema/1-0-0

    Parameters
    ----------
    currency : str
        Currency. Exactly 3 characters.
    refund_amount : float
        Refund amount. 0.0 to 9999999.
    transaction_id : str
        Transaction identifier. At most 4096 characters.
    refund_reason : str | None, optional
        Refund reason. At most 4096 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        currency: str,
        refund_amount: float,
        transaction_id: str,
        refund_reason: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "currency": currency,
            "refund_amount": refund_amount,
            "transaction_id": transaction_id,
        }
        if refund_reason is not None:
            given["refund_reason"] = refund_reason
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/refund/jsonschema/1-0-0",
            given,
        )


class TransactionEntity(SelfDescribingJson):
    """An order that was completed.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0

    Parameters
    ----------
    currency : str
        Currency. Exactly 3 characters.
    payment_method : str
        Payment method. At most 128 characters.
    revenue : float
        Revenue. 0.0 to 9999999.
    total_quantity : int
        Total quantity. 0 to 9999999.
    transaction_id : str
        Transaction identifier. At most 4096 characters.
    credit_order : bool | None, optional
        Credit order: yes or no.
    discount_amount : float | None, optional
        Discount amount. 0 to 9999999.
    discount_code : str | None, optional
        Discount code. At most 99 characters.
    shipping : float | None, optional
        Shipping. 0 to 9999999.
    tax : float | None, optional
        Tax, of the transaction. 0 to 9999999.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        currency: str,
        payment_method: str,
        revenue: float,
        total_quantity: int,
        transaction_id: str,
        credit_order: bool | None = None,
        discount_amount: float | None = None,
        discount_code: str | None = None,
        shipping: float | None = None,
        tax: float | None = None,
    ) -> None:
        given: dict[str, object] = {
            "currency": currency,
            "payment_method": payment_method,
            "revenue": revenue,
            "total_quantity": total_quantity,
            "transaction_id": transaction_id,
        }
        if credit_order is not None:
            given["credit_order"] = credit_order
        if discount_amount is not None:
            given["discount_amount"] = discount_amount
        if discount_code is not None:
            given["discount_code"] = discount_code
        if shipping is not None:
            given["shipping"] = shipping
        if tax is not None:
            given["tax"] = tax
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0",
            given,
        )


class TransactionErrorEntity(SelfDescribingJson):
    """An order that failed.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/transaction_error/jsonschema/1-0-0

    Parameters
    ----------
    error_code : str | None, optional
        Error code. At most 256 characters.
    error_description : str | None, optional
        Error description. At most 4096 characters.
    error_shortcode : str | None, optional
        Error shortcode. At most 4096 characters.
    error_type : Literal["hard", "soft"] | None, optional
        Error type: one of the listed values.
    resolution : str | None, optional
        Resolution. At most 4096 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        error_code: str | None = None,
        error_description: str | None = None,
        error_shortcode: str | None = None,
        error_type: Literal["hard", "soft"] | None = None,
        resolution: str | None = None,
    ) -> None:
        given: dict[str, object] = {}
        if error_code is not None:
            given["error_code"] = error_code
        if error_description is not None:
            given["error_description"] = error_description
        if error_shortcode is not None:
            given["error_shortcode"] = error_shortcode
        if error_type is not None:
            given["error_type"] = error_type
        if resolution is not None:
            given["resolution"] = resolution
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/transaction_error/jsonschema/1-0-0",
            given,
        )


class User(SelfDescribingJson):
    """The customer.

    Schema: iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0

    Parameters
    ----------
    id : str
        Identifier, of the user. At most 128 characters.
    email : str | None, optional
        Email. At most 256 characters.
    is_guest : bool | None, optional
        Is guest: yes or no.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        id: str,
        email: str | None = None,
        is_guest: bool | None = None,
    ) -> None:
        given: dict[str, object] = {
            "id": id,
        }
        if email is not None:
            given["email"] = email
        if is_guest is not None:
            given["is_guest"] = is_guest
        super().__init__(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0",
            given,
        )


class ProductView(SelfDescribing):
    """A product was viewed.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: exactly 1 Product
    (iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    product : Product
        Exactly 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        product: Product,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        product: Product | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, product, page, user)
        given: dict[str, object] = {
            "type": "product_view",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class AddToCart(SelfDescribing):
    """Products were added to the cart.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: at least 1 Product
    (iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0)
    Entities: exactly 1 Cart
    (iglu:com.snowplowanalytics.snowplow.ecommerce/cart/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    product : Product
        At least 1.
    cart : Cart
        Exactly 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        product: Product | tuple[Product, *tuple[Product, ...]],
        cart: Cart,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        product: Product | tuple[Product, *tuple[Product, ...]] | None = None,
        cart: Cart | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, product, cart, page, user)
        given: dict[str, object] = {
            "type": "add_to_cart",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class RemoveFromCart(SelfDescribing):
    """Products were taken out of the cart.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: at least 1 Product
    (iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0)
    Entities: exactly 1 Cart
    (iglu:com.snowplowanalytics.snowplow.ecommerce/cart/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    product : Product
        At least 1.
    cart : Cart
        Exactly 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        product: Product | tuple[Product, *tuple[Product, ...]],
        cart: Cart,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        product: Product | tuple[Product, *tuple[Product, ...]] | None = None,
        cart: Cart | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, product, cart, page, user)
        given: dict[str, object] = {
            "type": "remove_from_cart",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class ProductListView(SelfDescribing):
    """A list of products was viewed.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: at least 1 Product
    (iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    name : str | None, optional
        Name, of the snowplow ecommerce action. At most 128 characters.
    product : Product
        At least 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        name: str | None = None,
        product: Product | tuple[Product, *tuple[Product, ...]],
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        name: str | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        product: Product | tuple[Product, *tuple[Product, ...]] | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, product, page, user)
        given: dict[str, object] = {
            "type": "list_view",
        }
        if name is not None:
            given["name"] = name
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class ProductListClick(SelfDescribing):
    """A product of a list was clicked.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: exactly 1 Product
    (iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    name : str | None, optional
        Name, of the snowplow ecommerce action. At most 128 characters.
    product : Product
        Exactly 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        name: str | None = None,
        product: Product,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        name: str | None = None,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        product: Product | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, product, page, user)
        given: dict[str, object] = {
            "type": "list_click",
        }
        if name is not None:
            given["name"] = name
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class PromotionView(SelfDescribing):
    """A promotion was viewed.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: exactly 1 Promotion
    (iglu:com.snowplowanalytics.snowplow.ecommerce/promotion/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    promotion : Promotion
        Exactly 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        promotion: Promotion,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        promotion: Promotion | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, promotion, page, user)
        given: dict[str, object] = {
            "type": "promo_view",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class PromotionClick(SelfDescribing):
    """A promotion was clicked.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: exactly 1 Promotion
    (iglu:com.snowplowanalytics.snowplow.ecommerce/promotion/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    promotion : Promotion
        Exactly 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        promotion: Promotion,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        promotion: Promotion | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, promotion, page, user)
        given: dict[str, object] = {
            "type": "promo_click",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class CheckoutStep(SelfDescribing):
    """A step of the checkout was completed.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: exactly 1 CheckoutStepEntity
    (iglu:com.snowplowanalytics.snowplow.ecommerce/checkout_step/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    checkout_step : CheckoutStepEntity
        Exactly 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        checkout_step: CheckoutStepEntity,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        checkout_step: CheckoutStepEntity | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, checkout_step, page, user)
        given: dict[str, object] = {
            "type": "checkout_step",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class Transaction(SelfDescribing):
    """A transaction was completed.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: exactly 1 TransactionEntity
    (iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0)
    Entities: any number of Product
    (iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    transaction : TransactionEntity
        Exactly 1.
    product : Product, optional
        Any number of.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        transaction: TransactionEntity,
        product: Product | Sequence[Product] | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        transaction: TransactionEntity | None = None,
        product: Product | Sequence[Product] | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, transaction, product, page, user)
        given: dict[str, object] = {
            "type": "transaction",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class Refund(SelfDescribing):
    """A transaction was refunded.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: exactly 1 RefundEntity
    (iglu:com.snowplowanalytics.snowplow.ecommerce/refund/jsonschema/1-0-0)
    Entities: any number of Product
    (iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    refund : RefundEntity
        Exactly 1.
    product : Product, optional
        Any number of.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        refund: RefundEntity,
        product: Product | Sequence[Product] | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        refund: RefundEntity | None = None,
        product: Product | Sequence[Product] | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, refund, product, page, user)
        given: dict[str, object] = {
            "type": "refund",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class TransactionError(SelfDescribing):
    """A transaction failed.

    Schema:
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    Entities: exactly 1 TransactionErrorEntity
    (iglu:com.snowplowanalytics.snowplow.ecommerce/transaction_error/jsonschema/1-0-0)
    Entities: exactly 1 TransactionEntity
    (iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0)
    Entities: at most 1 Page
    (iglu:com.snowplowanalytics.snowplow.ecommerce/page/jsonschema/1-0-0)
    Entities: at most 1 User
    (iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0)

    Parameters
    ----------
    transaction_error : TransactionErrorEntity
        Exactly 1.
    transaction : TransactionEntity
        Exactly 1.
    page : Page, optional
        At most 1.
    user : User, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    @overload
    def __init__(
        self,
        *,
        transaction_error: TransactionErrorEntity,
        transaction: TransactionEntity,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        context: Sequence[SelfDescribingJson],
        **options: Unpack[EventOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        transaction_error: TransactionErrorEntity | None = None,
        transaction: TransactionEntity | None = None,
        page: Page | None = None,
        user: User | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, transaction_error, transaction, page, user)
        given: dict[str, object] = {
            "type": "trns_error",
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
            given,
        )
        super().__init__(event_json, context=entities, **options)


def _join(
    context: Sequence[SelfDescribingJson] | None,
    *given: SelfDescribingJson | Sequence[SelfDescribingJson] | None,
) -> list[SelfDescribingJson]:
    entities: list[SelfDescribingJson] = []
    for one in (*given, context):
        if isinstance(one, SelfDescribingJson):
            entities.append(one)
        elif one is not None:
            entities.extend(one)
    return entities
