"""Typed events and entities of Snowplow's screen and application schemas."""

from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack

from nbtrack.tracker import EventOptions, SelfDescribing, SelfDescribingJson

__all__ = [
    "Application",
    "ApplicationInstall",
    "DeepLinkReceived",
    "ListItemView",
    "MessageNotification",
    "Screen",
    "ScreenEnd",
    "ScreenSummary",
    "ScreenView",
    "ScrollChanged",
]


class MessageNotificationAttachmentsItem(TypedDict):
    """An object inside of a property."""

    identifier: str
    type: str
    url: str


MessageNotificationTrigger = Literal[
    "push",
    "location",
    "calendar",
    "timeInterval",
    "other",
]


class Application(SelfDescribingJson):
    """The app an event comes from.

    Schema: iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0

    Parameters
    ----------
    build : str
        Its build. At most 255 characters.
    version : str
        Its version. At most 255 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        build: str,
        version: str,
    ) -> None:
        given: dict[str, object] = {
            "build": build,
            "version": version,
        }
        super().__init__(
            "iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0",
            given,
        )


class Screen(SelfDescribingJson):
    """The screen that was shown at the time.

    Schema: iglu:com.snowplowanalytics.mobile/screen/jsonschema/1-0-0

    Parameters
    ----------
    id : str
        Identifier (uuid). At most 36 characters, format uuid.
    name : str
        Name, of the screen.
    activity : str | None, optional
        Activity.
    fragment : str | None, optional
        Fragment.
    top_view_controller : str | None, optional
        Top view controller.
    type : str | None, optional
        Type, of the screen.
    view_controller : str | None, optional
        View controller.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        id: str,
        name: str,
        activity: str | None = None,
        fragment: str | None = None,
        top_view_controller: str | None = None,
        type: str | None = None,
        view_controller: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "id": id,
            "name": name,
        }
        if activity is not None:
            given["activity"] = activity
        if fragment is not None:
            given["fragment"] = fragment
        if top_view_controller is not None:
            given["topViewController"] = top_view_controller
        if type is not None:
            given["type"] = type
        if view_controller is not None:
            given["viewController"] = view_controller
        super().__init__(
            "iglu:com.snowplowanalytics.mobile/screen/jsonschema/1-0-0",
            given,
        )


class ScreenSummary(SelfDescribingJson):
    """Time and scrolling on one screen.

    Schema: iglu:com.snowplowanalytics.mobile/screen_summary/jsonschema/1-0-0

    Parameters
    ----------
    foreground_sec : float
        Foreground, in seconds. 0 to 2147483647.
    background_sec : float | None, optional
        Background, in seconds. 0 to 2147483647.
    content_height : int | None, optional
        Content height. 0 to 2147483647.
    content_width : int | None, optional
        Content width. 0 to 2147483647.
    items_count : int | None, optional
        Items count. 0 to 65535.
    last_item_index : int | None, optional
        Last item index. 0 to 65535.
    max_x_offset : int | None, optional
        Greatest horizontal offset. -2147483647 to 2147483647.
    max_y_offset : int | None, optional
        Greatest vertical offset. -2147483647 to 2147483647.
    min_x_offset : int | None, optional
        Least horizontal offset. -2147483647 to 2147483647.
    min_y_offset : int | None, optional
        Least vertical offset. -2147483647 to 2147483647.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        foreground_sec: float,
        background_sec: float | None = None,
        content_height: int | None = None,
        content_width: int | None = None,
        items_count: int | None = None,
        last_item_index: int | None = None,
        max_x_offset: int | None = None,
        max_y_offset: int | None = None,
        min_x_offset: int | None = None,
        min_y_offset: int | None = None,
    ) -> None:
        given: dict[str, object] = {
            "foreground_sec": foreground_sec,
        }
        if background_sec is not None:
            given["background_sec"] = background_sec
        if content_height is not None:
            given["content_height"] = content_height
        if content_width is not None:
            given["content_width"] = content_width
        if items_count is not None:
            given["items_count"] = items_count
        if last_item_index is not None:
            given["last_item_index"] = last_item_index
        if max_x_offset is not None:
            given["max_x_offset"] = max_x_offset
        if max_y_offset is not None:
            given["max_y_offset"] = max_y_offset
        if min_x_offset is not None:
            given["min_x_offset"] = min_x_offset
        if min_y_offset is not None:
            given["min_y_offset"] = min_y_offset
        super().__init__(
            "iglu:com.snowplowanalytics.mobile/screen_summary/jsonschema/1-0-0",
            given,
        )


class ScreenView(SelfDescribing):
    """A screen was viewed.

    Schema: iglu:com.snowplowanalytics.mobile/screen_view/jsonschema/1-0-0
    Entities: at most 1 Application
    (iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0)

    Parameters
    ----------
    id : str
        Identifier of this view. At most 36 characters, format uuid.
    name : str
        Name of the screen.
    previous_id : str | None, optional
        Identifier of the view before. Format uuid.
    previous_name : str | None, optional
        Name of the screen before.
    previous_type : str | None, optional
        Kind of the screen before.
    transition_type : str | None, optional
        How the screen came up.
    type : str | None, optional
        Kind of screen.
    application : Application, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        id: str,
        name: str,
        previous_id: str | None = None,
        previous_name: str | None = None,
        previous_type: str | None = None,
        transition_type: str | None = None,
        type: str | None = None,
        application: Application | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, application)
        given: dict[str, object] = {
            "id": id,
            "name": name,
        }
        if previous_id is not None:
            given["previousId"] = previous_id
        if previous_name is not None:
            given["previousName"] = previous_name
        if previous_type is not None:
            given["previousType"] = previous_type
        if transition_type is not None:
            given["transitionType"] = transition_type
        if type is not None:
            given["type"] = type
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.mobile/screen_view/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class ScreenEnd(SelfDescribing):
    """A screen was left.

    Schema: iglu:com.snowplowanalytics.mobile/screen_end/jsonschema/1-0-0
    Entities: at most 1 Screen (iglu:com.snowplowanalytics.mobile/screen/jsonschema/1-0-0)
    Entities: at most 1 ScreenSummary
    (iglu:com.snowplowanalytics.mobile/screen_summary/jsonschema/1-0-0)
    Entities: at most 1 Application
    (iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0)

    Parameters
    ----------
    screen : Screen, optional
        At most 1.
    screen_summary : ScreenSummary, optional
        At most 1.
    application : Application, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        screen: Screen | None = None,
        screen_summary: ScreenSummary | None = None,
        application: Application | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, screen, screen_summary, application)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.mobile/screen_end/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class ListItemView(SelfDescribing):
    """An item of a list was seen.

    Schema: iglu:com.snowplowanalytics.mobile/list_item_view/jsonschema/1-0-0
    Entities: at most 1 Screen (iglu:com.snowplowanalytics.mobile/screen/jsonschema/1-0-0)
    Entities: at most 1 Application
    (iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0)

    Parameters
    ----------
    index : int
        Index. 0 to 65535.
    items_count : int | None, optional
        Items count. 0 to 65535.
    screen : Screen, optional
        At most 1.
    application : Application, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        index: int,
        items_count: int | None = None,
        screen: Screen | None = None,
        application: Application | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, screen, application)
        given: dict[str, object] = {
            "index": index,
        }
        if items_count is not None:
            given["items_count"] = items_count
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.mobile/list_item_view/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class ScrollChanged(SelfDescribing):
    """A screen was scrolled.

    Schema: iglu:com.snowplowanalytics.mobile/scroll_changed/jsonschema/1-0-0
    Entities: at most 1 Screen (iglu:com.snowplowanalytics.mobile/screen/jsonschema/1-0-0)
    Entities: at most 1 Application
    (iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0)

    Parameters
    ----------
    content_height : int | None, optional
        Content height. 0 to 2147483647.
    content_width : int | None, optional
        Content width. 0 to 2147483647.
    view_height : int | None, optional
        View height. 0 to 2147483647.
    view_width : int | None, optional
        View width. 0 to 2147483647.
    x_offset : int | None, optional
        Horizontal offset. -2147483647 to 2147483647.
    y_offset : int | None, optional
        Vertical offset. -2147483647 to 2147483647.
    screen : Screen, optional
        At most 1.
    application : Application, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        content_height: int | None = None,
        content_width: int | None = None,
        view_height: int | None = None,
        view_width: int | None = None,
        x_offset: int | None = None,
        y_offset: int | None = None,
        screen: Screen | None = None,
        application: Application | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, screen, application)
        given: dict[str, object] = {}
        if content_height is not None:
            given["content_height"] = content_height
        if content_width is not None:
            given["content_width"] = content_width
        if view_height is not None:
            given["view_height"] = view_height
        if view_width is not None:
            given["view_width"] = view_width
        if x_offset is not None:
            given["x_offset"] = x_offset
        if y_offset is not None:
            given["y_offset"] = y_offset
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.mobile/scroll_changed/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class ApplicationInstall(SelfDescribing):
    """The application was installed.

    Schema: iglu:com.snowplowanalytics.mobile/application_install/jsonschema/1-0-0
    Entities: at most 1 Application
    (iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0)

    Parameters
    ----------
    application : Application, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        application: Application | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, application)
        given: dict[str, object] = {}
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.mobile/application_install/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class DeepLinkReceived(SelfDescribing):
    """The application was opened by a link.

    Schema: iglu:com.snowplowanalytics.mobile/deep_link_received/jsonschema/1-0-0
    Entities: at most 1 Application
    (iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0)

    Parameters
    ----------
    url : str
        URL (uri). At most 4096 characters, format uri.
    referrer : str | None, optional
        Referrer (uri). At most 4096 characters, format uri.
    application : Application, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        url: str,
        referrer: str | None = None,
        application: Application | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, application)
        given: dict[str, object] = {
            "url": url,
        }
        if referrer is not None:
            given["referrer"] = referrer
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.mobile/deep_link_received/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MessageNotification(SelfDescribing):
    """A notification was received.

    Schema: iglu:com.snowplowanalytics.mobile/message_notification/jsonschema/1-0-0
    Entities: at most 1 Application
    (iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0)

    Parameters
    ----------
    body : str
        Body. At most 4096 characters.
    title : str
        Title. At most 1024 characters.
    trigger : MessageNotificationTrigger
        Trigger: one of the listed values.
    action : str | None, optional
        Action. At most 1024 characters.
    attachments : Sequence[MessageNotificationAttachmentsItem] | None, optional
        Attachments: a list.
    body_loc_args : Sequence[str | None] | None, optional
        Body loc args: a list. At least 1 items.
    body_loc_key : str | None, optional
        Body loc key. At most 1024 characters.
    category : str | None, optional
        Category. At most 1024 characters.
    content_available : bool | None, optional
        Content available: yes or no.
    group : str | None, optional
        Group. At most 1024 characters.
    icon : str | None, optional
        Icon. At most 1024 characters.
    notification_count : int | None, optional
        Notification count. 0 to 10000.
    notification_timestamp : str | None, optional
        Notification timestamp (date-time). Format date-time.
    sound : str | None, optional
        Sound. At most 1024 characters.
    subtitle : str | None, optional
        Subtitle. At most 1024 characters.
    tag : str | None, optional
        Tag, of the message notification. At most 1024 characters.
    thread_identifier : str | None, optional
        Thread identifier. At most 1024 characters.
    title_loc_args : Sequence[str | None] | None, optional
        Title loc args: a list. At least 1 items.
    title_loc_key : str | None, optional
        Title loc key. At most 1024 characters.
    application : Application, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        body: str,
        title: str,
        trigger: MessageNotificationTrigger,
        action: str | None = None,
        attachments: Sequence[MessageNotificationAttachmentsItem] | None = None,
        body_loc_args: Sequence[str | None] | None = None,
        body_loc_key: str | None = None,
        category: str | None = None,
        content_available: bool | None = None,
        group: str | None = None,
        icon: str | None = None,
        notification_count: int | None = None,
        notification_timestamp: str | None = None,
        sound: str | None = None,
        subtitle: str | None = None,
        tag: str | None = None,
        thread_identifier: str | None = None,
        title_loc_args: Sequence[str | None] | None = None,
        title_loc_key: str | None = None,
        application: Application | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, application)
        given: dict[str, object] = {
            "body": body,
            "title": title,
            "trigger": trigger,
        }
        if action is not None:
            given["action"] = action
        if attachments is not None:
            given["attachments"] = attachments
        if body_loc_args is not None:
            given["bodyLocArgs"] = body_loc_args
        if body_loc_key is not None:
            given["bodyLocKey"] = body_loc_key
        if category is not None:
            given["category"] = category
        if content_available is not None:
            given["contentAvailable"] = content_available
        if group is not None:
            given["group"] = group
        if icon is not None:
            given["icon"] = icon
        if notification_count is not None:
            given["notificationCount"] = notification_count
        if notification_timestamp is not None:
            given["notificationTimestamp"] = notification_timestamp
        if sound is not None:
            given["sound"] = sound
        if subtitle is not None:
            given["subtitle"] = subtitle
        if tag is not None:
            given["tag"] = tag
        if thread_identifier is not None:
            given["threadIdentifier"] = thread_identifier
        if title_loc_args is not None:
            given["titleLocArgs"] = title_loc_args
        if title_loc_key is not None:
            given["titleLocKey"] = title_loc_key
        event_json = SelfDescribingJson(
            "iglu:com.snowplowanalytics.mobile/message_notification/jsonschema/1-0-0",
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
