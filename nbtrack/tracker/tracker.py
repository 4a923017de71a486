"""The tracker: turns events into payloads and hands them to emitters."""

from collections.abc import Sequence
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, Any, Protocol, Self

from nbtrack.tracker import contracts
from nbtrack.tracker.aliases import JsonEncoderFunction, Validate
from nbtrack.tracker.compat.legacy import LegacyMethods
from nbtrack.tracker.compat.renamed import Renamed, without_renamed
from nbtrack.tracker.events.base import Event
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.hooks import GlobalContext, collect_entities
from nbtrack.tracker.ids import new_id
from nbtrack.tracker.payload import TRACKER_VERSION, Payload
from nbtrack.tracker.rendering import render, render_json
from nbtrack.tracker.subject import Subject
from nbtrack.values import Nan, milliseconds

if TYPE_CHECKING:
    from os import PathLike

    from nbtrack.plans import TrackingPlan
    from nbtrack.schemas import Registry
    from nbtrack.tracker.validation import Validation


class Receiver(Protocol):
    """What a tracker needs of an emitter; ``flush``, ``sync_flush`` and ``close`` are called if they exist."""

    def input(self, payload: dict[str, Any], /) -> Any:
        """Accept the payload of one event."""


class Tracker(LegacyMethods):
    """Turns events into payloads and hands them to emitters.

    Parameters
    ----------
    namespace : str
        The tracker's name, sent with every event.
    emitters : emitter or sequence of emitters
        What receives the payloads.
    subject : Subject, optional
        Who or what events are about; by default a new one.
    app_id : str, optional
        The application.
    encode_base64 : bool, default True
        Whether JSON goes out as base64.
    json_encoder : callable, optional
        Called first for the JSON form of a value that is not a JSON type.
    validate : {"off", "warn", "raise"}, default "off"
        What to do at `track` with self-describing data and entities that do not match their schemas, and with values
        that pipelines fail, such as a session id that is not a UUID.
    registry : nbtrack.schemas.Registry, optional
        Where these schemas are looked up; by default the built-in ones.
    tracking_plan : nbtrack.plans.TrackingPlan, str or pathlib.Path, optional
        A tracking plan, or its folder: `validate` checks events against their specifications, too. The registry is given
        the schemas of the plan that it does not have.
    nan : {"null", "raise"}, default "null"
        What NaN and infinities in an event become.

    Raises
    ------
    ValueError
        If there is no emitter, or for a `tracking_plan` with ``validate="off"``.
    FileNotFoundError, TrackingPlanError
        For a tracking plan that is not there, or has mistakes.

    Examples
    --------
    >>> from nbtrack.tracker import PageView
    >>> class Printer:
    ...     def input(self, payload):
    ...         print(payload["e"], payload["url"])
    >>> event_id = Tracker("docs", Printer()).track(PageView("https://acme.com"))
    pv https://acme.com
    """

    if not TYPE_CHECKING:

        def __new__(cls, *args: Any, **named: Any) -> Self:
            """Raise with the new arguments for calls written for snowplow-tracker 0.x."""
            if "emitter" in named:
                raise TypeError("Tracker has no emitter=; use emitters=, which takes one emitter or several")
            if (args and not isinstance(args[0], str)) or (named and not args and "namespace" not in named):
                raise TypeError(
                    "the first argument must be the namespace, a str: Tracker('my-namespace', emitters)"
                )
            return super().__new__(cls)

    def __init__(
        self,
        namespace: str,
        emitters: Receiver | Sequence[Receiver],
        subject: Subject | None = None,
        app_id: str | None = None,
        encode_base64: bool = True,
        json_encoder: JsonEncoderFunction | None = None,
        *,
        validate: Validate = "off",
        registry: "Registry | None" = None,
        tracking_plan: "TrackingPlan | str | PathLike[str] | None" = None,
        nan: Nan = "null",
    ) -> None:
        several = isinstance(emitters, list | tuple)
        self.emitters: list[Receiver] = list(emitters) if several else [emitters]  # type: ignore[arg-type,list-item]
        if not self.emitters:
            raise ValueError("emitters must not be empty: a tracker needs at least one")
        for emitter in self.emitters:
            contracts.offers(
                emitter, "input", "emitters", "an emitter or a list of emitters, such as Emitter(…)"
            )
        if json_encoder is not None:
            contracts.satisfies(json_encoder, callable, "json_encoder", "a function")
        if registry is not None:
            contracts.offers(registry, "faults", "registry", "a Registry, such as Registry(['schemas'])")
        contracts.one_of(validate, ("off", "warn", "raise"), "validate")
        contracts.one_of(nan, ("null", "raise"), "nan")
        self.set_subject(Subject() if subject is None else subject)
        self.encode_base64 = encode_base64
        self.json_encoder = json_encoder
        self.nan: Nan = nan
        self.standard_nv_pairs: dict[str, Any] = {"tv": TRACKER_VERSION, "tna": namespace, "aid": app_id}
        self._global_contexts: list[GlobalContext] = []
        self._plugins: list[Any] = []
        self._validation: Validation | None = None
        if validate != "off":
            from nbtrack.tracker import validation  # noqa: PLC0415 - loads the schemas

            self._validation = validation.Validation(validate, registry, tracking_plan)
        elif tracking_plan is not None:
            raise ValueError(
                "tracking_plan is checked with validate='warn' or validate='raise', got validate='off'"
            )

    @staticmethod
    def get_uuid() -> str:
        """Return a random event id."""
        return new_id()

    @staticmethod
    def get_timestamp(tstamp: Any = None) -> int:
        """Return a Unix timestamp in milliseconds; the current time for None and for an invalid value."""
        if tstamp is not None and not isinstance(tstamp, str):
            try:
                return milliseconds(tstamp)
            except (TypeError, ValueError):
                pass  # as in the reference: a wrong type still returns a time
        return time_ns() // 1_000_000

    def track(self, event: Event) -> str:
        """Track an event: hand its payload to the emitters.

        Parameters
        ----------
        event : Event
            What happened; it is not changed.

        Returns
        -------
        str
            The event's id.

        Raises
        ------
        TypeError
            If `event` is not an event, if it has `col` placeholders, and for data without a JSON form.
        InvalidEvent
            With ``validate="raise"``, if data or entities do not match their schemas, or a pipeline fails a value.
        """
        if not isinstance(event, Event):
            raise TypeError(_advise(event))
        entities = collect_entities(self._global_contexts, event) if self._global_contexts else ()
        payload = self._render(event, entities)
        if self._validation is not None:
            self._validation.check(event, entities, self.json_encoder, payload)
        if self._plugins or len(self.emitters) > 1:
            self._hand_out(event, payload)
        else:
            self.emitters[0].input(payload)
        return payload["eid"]

    def complete_payload(self, event: Event) -> Payload:
        """Return the payload that `track` would hand to the emitters now.

        Parameters
        ----------
        event : Event
            What happened.

        Returns
        -------
        Payload
            Keys and strings; a new one for each call, with its own event id.
        """
        if not isinstance(event, Event):
            raise TypeError(_advise(event))
        return Payload(self._render(event, collect_entities(self._global_contexts, event)))

    def flush(self, is_async: bool = False) -> Self:
        """Send the emitters' pending events.

        Parameters
        ----------
        is_async : bool, default False
            Whether to return at once; by default the call returns when the events are sent, or after the emitter's timeout.
        """
        from nbtrack.delivery import Emitter  # noqa: PLC0415 - a tracker with other emitters does not load it

        for emitter in self.emitters:
            ours = isinstance(emitter, Emitter)
            name = ("async_flush" if ours else "flush") if is_async else "sync_flush"
            if (method := getattr(emitter, name, None)) is not None:
                method()
        return self

    def close(self, timeout: float = 10.0) -> list[Any]:
        """Send the pending events and close the emitters.

        Parameters
        ----------
        timeout : float, default 10.0
            Seconds to wait for each emitter.

        Returns
        -------
        list of FlushReport
            What each emitter sent and what is left.
        """
        return [emitter.close(timeout=timeout) for emitter in self.emitters if hasattr(emitter, "close")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def set_subject(self, subject: Subject | None) -> Self:
        """Set who or what events are about.

        With None, events have no platform unless their own subjects have one, and pipelines fail such events.
        """
        if subject is not None:
            contracts.offers(subject, "standard_nv_pairs", "subject", "a Subject, such as Subject()")
        self.subject: Subject | None = subject
        return self

    def add_emitter(self, emitter: Receiver) -> Self:
        """Add an emitter."""
        contracts.offers(emitter, "input", "emitter", "an emitter, such as Emitter(…)")
        self.emitters.append(emitter)
        return self

    def add_global_context(self, entity: GlobalContext) -> Self:
        """Attach an entity to every event tracked from now on.

        Parameters
        ----------
        entity : SelfDescribingJson, callable, or (filter, either)
            A callable receives the event and returns one entity, several or None. A filter receives the event and returns
            whether the entity is for it.
        """
        source = entity[-1] if isinstance(entity, tuple) and len(entity) == 2 else entity  # noqa: PLR2004 - (filter, source)
        contracts.satisfies(
            source,
            lambda value: callable(value) or hasattr(value, "to_json"),
            "entity",
            "a SelfDescribingJson, a function that returns some, or a pair (filter, either)",
        )
        self._global_contexts.append(entity)
        return self

    def remove_global_context(self, entity: GlobalContext) -> Self:
        """Remove an entity added with `add_global_context`."""
        self._global_contexts.remove(entity)
        return self

    def add_plugin(self, plugin: Any) -> Self:
        """Add a plugin, an object with ``before_track``, ``after_track`` or both; see `Plugin`."""
        contracts.satisfies(
            plugin,
            lambda value: hasattr(value, "before_track") or hasattr(value, "after_track"),
            "plugin",
            "an object with before_track or after_track",
        )
        self._plugins.append(plugin)
        return self

    def get_namespace(self) -> str:
        """Return the tracker's namespace."""
        return str(self.standard_nv_pairs["tna"])

    def _render(self, event: Event, entities: Sequence[SelfDescribingJson]) -> dict[str, str]:
        encoder, nan = self.json_encoder, self.nan
        node = (
            render_json
            if encoder is None and nan == "null"
            else partial(render_json, json_encoder=encoder, nan=nan)
        )
        pairs = event.payload_pairs(self.subject, self.standard_nv_pairs, self.encode_base64, entities, node)
        if pairs["eid"] is None:
            pairs["eid"] = self.get_uuid()
        if pairs["dtm"] is None:
            pairs["dtm"] = str(self.get_timestamp())
        if pairs.get("aid", "") is None:
            del pairs["aid"]  # so that only strings are left, which is faster
        return render(pairs, encoder, nan)

    def _hand_out(self, event: Event, payload: dict[str, str]) -> None:
        before = [p.before_track(event, payload) for p in self._plugins if hasattr(p, "before_track")]
        if any(answer is False for answer in before):
            return
        for emitter in self.emitters:
            emitter.input(dict(payload))
        for plugin in self._plugins:
            if hasattr(plugin, "after_track"):
                plugin.after_track(event, dict(payload))

    if not TYPE_CHECKING:  # for a type checker these names do not exist
        addEmitter = Renamed("add_emitter")  # noqa: N815 - so it was spelled
        set_platform = Renamed("subject.set_platform")
        set_user_id = Renamed("subject.set_user_id")
        get_emitters = Renamed("emitters")

    def __dir__(self) -> list[str]:
        return without_renamed(super().__dir__(), Tracker)


def _advise(value: Any) -> str:
    if isinstance(value, SelfDescribingJson):
        return "track takes an event, got a SelfDescribingJson: wrap it in SelfDescribing(…)"
    if isinstance(value, Payload):
        return "track takes an event, got a payload (as before snowplow-tracker 1.0): use Event(payload)"
    return f"track takes an event, such as PageView(…), got {value!r}"
