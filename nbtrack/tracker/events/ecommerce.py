"""Events of shops: carts and orders."""

from typing import Any, Unpack

from nbtrack.protocol import SNOWPLOW_VENDOR, iglu
from nbtrack.tracker.aliases import IntLike, Number, StrLike
from nbtrack.tracker.events.base import Common, Event
from nbtrack.tracker.events.fields import DataField, PayloadField
from nbtrack.tracker.events.iglu import SchemaEvent


class AddToCart(SchemaEvent):
    """Something was put in a cart (``add_to_cart/1-0-0``).

    Parameters
    ----------
    sku : str
        Stock keeping unit.
    quantity : int
        How many.
    name, category : str, optional
        What it is.
    unit_price : number, optional
        Price of one, in `currency`.
    currency : str, optional
        ISO 4217 code.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        If `sku` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> AddToCart("mug-01", 2, unit_price=8.5, currency="EUR").event_json.data
    {'sku': 'mug-01', 'quantity': 2, 'unitPrice': 8.5, 'currency': 'EUR'}
    """

    SCHEMA = iglu(SNOWPLOW_VENDOR, "add_to_cart")
    sku = DataField[str]("sku", required=True)
    quantity = DataField[int]("quantity")
    name = DataField[str | None]("name")
    category = DataField[str | None]("category")
    unit_price = DataField[Any]("unitPrice")
    currency = DataField[str | None]("currency")

    def __init__(
        self,
        sku: StrLike,
        quantity: IntLike,
        name: StrLike | None = None,
        category: StrLike | None = None,
        unit_price: Number | None = None,
        currency: StrLike | None = None,
        **common: Unpack[Common],
    ) -> None:
        values = {
            "sku": sku,
            "quantity": quantity,
            "name": name,
            "category": category,
            "unit_price": unit_price,
            "currency": currency,
        }
        super().__init__(values, common)


class RemoveFromCart(AddToCart):
    """Something was taken out of a cart (``remove_from_cart/1-0-0``).

    Parameters
    ----------
    sku, quantity, name, category, unit_price, currency, **common
        See `AddToCart`.

    Examples
    --------
    >>> RemoveFromCart("mug-01", 1).event_json.schema
    'iglu:com.snowplowanalytics.snowplow/remove_from_cart/jsonschema/1-0-0'
    """

    SCHEMA = iglu(SNOWPLOW_VENDOR, "remove_from_cart")


class Transaction(Event):
    """An order was placed; each item of it is a `TransactionItem`.

    Parameters
    ----------
    order_id : str
        The order.
    total_value : number
        What it costs in all, in `currency`.
    affiliation : str, optional
        Shop or branch.
    tax_value, shipping : number, optional
        Tax, and costs of shipping, in `currency`.
    city, state, country : str, optional
        Where to.
    currency : str, optional
        ISO 4217 code.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        If `order_id` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> order = Transaction("order-17", 21.5, shipping=4.5, currency="EUR")
    >>> order.build_payload(encode_base64=True, json_encoder=None)
    {'e': 'tr', 'tr_id': 'order-17', 'tr_tt': '21.5', 'tr_sh': '4.5', 'tr_cu': 'EUR'}
    """

    order_id = PayloadField[str]("tr_id", required=True)
    total_value = PayloadField[Any]("tr_tt")
    affiliation = PayloadField[str | None]("tr_af")
    tax_value = PayloadField[Any]("tr_tx")
    shipping = PayloadField[Any]("tr_sh")
    city = PayloadField[str | None]("tr_ci")
    state = PayloadField[str | None]("tr_st")
    country = PayloadField[str | None]("tr_co")
    currency = PayloadField[str | None]("tr_cu")

    def __init__(
        self,
        order_id: StrLike,
        total_value: Number,
        affiliation: StrLike | None = None,
        tax_value: Number | None = None,
        shipping: Number | None = None,
        city: StrLike | None = None,
        state: StrLike | None = None,
        country: StrLike | None = None,
        currency: StrLike | None = None,
        **common: Unpack[Common],
    ) -> None:
        super().__init__({"e": "tr"}, **common)
        self.order_id = order_id
        self.total_value = total_value
        self.affiliation = affiliation
        self.tax_value = tax_value
        self.shipping = shipping
        self.city = city
        self.state = state
        self.country = country
        self.currency = currency


class TransactionItem(Event):
    """One item of an order.

    Parameters
    ----------
    order_id, sku : str
        The order, and the item's stock keeping unit.
    price : number
        Price of one, in `currency`.
    quantity : int
        How many.
    name, category : str, optional
        What it is.
    currency : str, optional
        ISO 4217 code.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        If `order_id` or `sku` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> item = TransactionItem("order-17", "mug-01", price=8.5, quantity=2)
    >>> item.build_payload(encode_base64=True, json_encoder=None)
    {'e': 'ti', 'ti_id': 'order-17', 'ti_sk': 'mug-01', 'ti_pr': '8.5', 'ti_qu': '2'}
    """

    order_id = PayloadField[str]("ti_id", required=True)
    sku = PayloadField[str]("ti_sk", required=True)
    name = PayloadField[str | None]("ti_nm")
    category = PayloadField[str | None]("ti_ca")
    price = PayloadField[Any]("ti_pr")
    quantity = PayloadField[Any]("ti_qu")
    currency = PayloadField[str | None]("ti_cu")

    def __init__(
        self,
        order_id: StrLike,
        sku: StrLike,
        price: Number,
        quantity: IntLike,
        name: StrLike | None = None,
        category: StrLike | None = None,
        currency: StrLike | None = None,
        **common: Unpack[Common],
    ) -> None:
        super().__init__({"e": "ti"}, **common)
        self.order_id = order_id
        self.sku = sku
        self.name = name
        self.category = category
        self.price = price
        self.quantity = quantity
        self.currency = currency
