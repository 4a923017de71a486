"""Events of forms, with Snowplow's own schemas."""

from collections.abc import Sequence
from typing import Any, Unpack

from nbtrack.protocol import SNOWPLOW_VENDOR, iglu
from nbtrack.template import Col
from nbtrack.tracker import contracts
from nbtrack.tracker.aliases import (
    FORM_NODE_NAMES,
    FORM_TYPES,
    ElementClasses,
    FormClasses,
    FormNodeName,
    StrLike,
)
from nbtrack.tracker.events.base import Common
from nbtrack.tracker.events.fields import DataField
from nbtrack.tracker.events.iglu import SchemaEvent


class _Nullable(DataField[Any]):
    """A property that the schema requires even if it is null."""

    def _put(self, event: Any, value: Any) -> None:
        event.event_json.data[self.key] = value


class FormChange(SchemaEvent):
    """An element of a form was changed (``change_form/1-0-0``).

    Parameters
    ----------
    form_id, element_id : str
        The form and its element.
    node_name : {"INPUT", "TEXTAREA", "SELECT"}
        What the element is.
    value : str or None
        Its new value.
    type_ : str, optional
        Type of an input, such as ``"text"``; written in lower case, as the schema has it.
    element_classes : list of str, optional
        Classes of the element.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        For an empty `form_id`, or a `node_name` or `type_` that HTML does not have, while contracts are enabled.

    Examples
    --------
    >>> FormChange("signup", "plan", "SELECT", "free").event_json.data
    {'formId': 'signup', 'elementId': 'plan', 'nodeName': 'SELECT', 'value': 'free'}
    """

    SCHEMA = iglu(SNOWPLOW_VENDOR, "change_form")
    form_id = DataField[str]("formId", required=True)
    element_id = _Nullable("elementId")
    node_name = _Nullable("nodeName")
    value = _Nullable("value")
    type_ = DataField[str | None]("type")
    element_classes = DataField[ElementClasses | None]("elementClasses")

    def __init__(
        self,
        form_id: StrLike,
        element_id: StrLike | None,
        node_name: FormNodeName | Col,
        value: StrLike | None,
        type_: StrLike | None = None,
        element_classes: ElementClasses | Col | None = None,
        **common: Unpack[Common],
    ) -> None:
        contracts.one_of(node_name, FORM_NODE_NAMES, "node_name")
        if isinstance(type_, str):
            type_ = type_.lower()
        if type_ is not None:
            contracts.one_of(type_, FORM_TYPES, "type_")
        values = {
            "form_id": form_id,
            "element_id": element_id,
            "node_name": node_name,
            "value": value,
            "type_": type_,
            "element_classes": element_classes,
        }
        super().__init__(values, common)


class FormSubmit(SchemaEvent):
    """A form was submitted (``submit_form/1-0-0``).

    Parameters
    ----------
    form_id : str
        The form.
    form_classes : list of str, optional
        Classes of the form.
    elements : list of dict, optional
        The form's elements, each with ``name``, ``value``, ``nodeName`` and perhaps ``type``; not changed.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        For an empty `form_id` or an invalid element, while contracts are enabled.

    Examples
    --------
    >>> plan = {"name": "plan", "value": "free", "nodeName": "SELECT"}
    >>> FormSubmit("signup", elements=[plan]).event_json.data["elements"]
    [{'name': 'plan', 'value': 'free', 'nodeName': 'SELECT'}]
    """

    SCHEMA = iglu(SNOWPLOW_VENDOR, "submit_form")
    form_id = DataField[str]("formId", required=True)
    form_classes = DataField[FormClasses | None]("formClasses")
    elements = DataField[Sequence[dict[str, Any]] | None]("elements")

    def __init__(
        self,
        form_id: StrLike,
        form_classes: FormClasses | Col | None = None,
        elements: Sequence[dict[str, Any]] | Col | None = None,
        **common: Unpack[Common],
    ) -> None:
        if elements is not None and not isinstance(elements, Col):
            for element in elements:
                contracts.form_element(element, "elements")
            elements = [_lower_type(element) for element in elements] or None
        values = {"form_id": form_id, "form_classes": form_classes, "elements": elements}
        super().__init__(values, common)


def _lower_type(element: Any) -> Any:
    kind = element.get("type") if isinstance(element, dict) else None
    return {**element, "type": kind.lower()} if isinstance(kind, str) else element
