"""The tracker: turns events into payloads and hands them to emitters."""

from collections.abc import Sequence
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, Any, Protocol, Self

from nbtrack.tracker import contracts
from nbtrack.tracker.aliases import JsonEncoderFunction, Validate
from nbtrack.tracker.events.base import Event
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.hooks import GlobalContext, collect_entities
from nbtrack.tracker.ids import new_id
from nbtrack.tracker.legacy import LegacyMethods
from nbtrack.tracker.payload import TRACKER_VERSION, Payload
from nbtrack.tracker.renamed import Renamed, without_renamed
from nbtrack.tracker.rendering import render, render_json
from nbtrack.tracker.subject import Subject
from nbtrack.values import Nan, milliseconds

if TYPE_CHECKING:
    from nbtrack.schemas import Registry
    from nbtrack.tracker.validation import Validation


class Receiver(Protocol):
    """What a tracker needs of an emitter; ``flush``, ``sync_flush`` and ``close`` are used where they exist."""

    def input(self, payload: dict[str, Any], /) -> Any:
        """Take the payload of one event."""


class Tracker(LegacyMethods):
    """Turns events into payloads and hands them to emitters.

    Parameters
    ----------
    namespace : str
        The tracker's name, sent with every event.
    emitters : emitter or sequence of emitters
        Who gets the payloads.
    subject : Subject, optional
        Who or what events are about; a new one by default.
    app_id : str, optional
        The application.
    encode_base64 : bool, default True
        Whether JSON goes out as base64.
    json_encoder : callable, optional
        Asked first for the JSON form of a value that JSON does not know.
    validate : {"off", "warn", "raise"}, default "off"
        What to do at `track` with self-describing data and entities that do not fit their schemas.
    registry : nbtrack.schemas.Registry, optional
        Where those schemas are; by default the built-in ones.
    nan : {"null", "raise"}, default "null"
        What becomes of NaN and infinities in an event.

    Raises
    ------
    ValueError
        If there is no emitter.

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
            """Tell users of snowplow-tracker 0.x how the arguments changed."""
            if "emitter" in named:
                raise TypeError("Tracker has no emitter=: use emitters=, which takes one or several")
            if (args and not isinstance(args[0], str)) or (named and not args and "namespace" not in named):
                raise TypeError(
                    "Tracker wants the namespace first, a text: Tracker('my-namespace', emitters)"
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
        nan: Nan = "null",
    ) -> None:
        several = isinstance(emitters, list | tuple)
        self.emitters: list[Receiver] = list(emitters) if several else [emitters]  # type: ignore[arg-type,list-item]
        if not self.emitters:
            raise ValueError("emitters is empty: a tracker needs one")
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

            self._validation = validation.Validation(validate, registry)

    @staticmethod
    def get_uuid() -> str:
        """Make a random event id."""
        return new_id()

    @staticmethod
    def get_timestamp(tstamp: Any = None) -> int:
        """Give a moment in milliseconds since 1970; now for None and for what is no moment."""
        if tstamp is not None:
            try:
                return milliseconds(tstamp)
            except (TypeError, ValueError):
                pass  # as the reference: a wrong type still gives a time
        return time_ns() // 1_000_000

    def track(self, event: Event) -> str:
        """Hand an event to the emitters.

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
            If `event` is no event, if it is a template with `col` placeholders, and for data without a JSON form.
        InvalidEvent
            With ``validate="raise"``, if data or entities do not fit their schemas.
        """
        if not isinstance(event, Event):
            raise TypeError(_advise(event))
        entities = collect_entities(self._global_contexts, event) if self._global_contexts else ()
        if self._validation is not None:
            self._validation.check(event, entities, self.json_encoder)
        payload = self._render(event, entities)
        if self._plugins or len(self.emitters) > 1:
            self._hand_out(event, payload)
        else:
            self.emitters[0].input(payload)
        return payload["eid"]

    def complete_payload(self, event: Event) -> Payload:
        """Give the payload that `track` would hand to emitters now.

        Parameters
        ----------
        event : Event
            What happened.

        Returns
        -------
        Payload
            Keys and texts; a new one at each call, with its own event id.
        """
        if not isinstance(event, Event):
            raise TypeError(_advise(event))
        return Payload(self._render(event, collect_entities(self._global_contexts, event)))

    def flush(self, is_async: bool = False) -> Self:
        """Send what waits in the emitters.

        Parameters
        ----------
        is_async : bool, default False
            Whether to only start sending; else the call returns when it is sent, or the emitter's wait is over.
        """
        from nbtrack.delivery import Emitter  # noqa: PLC0415 - a tracker with other emitters does not load it

        for emitter in self.emitters:
            ours = isinstance(emitter, Emitter)
            name = ("async_flush" if ours else "flush") if is_async else "sync_flush"
            if (method := getattr(emitter, name, None)) is not None:
                method()
        return self

    def close(self, timeout: float = 10.0) -> list[Any]:
        """Send what waits and close the emitters.

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

        With None, events carry no platform unless their own subjects do, and pipelines refuse such events.
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
            A callable gets the event and gives one entity, several or None. A filter gets the event and tells
            whether the entity is for it.
        """
        source = entity[-1] if isinstance(entity, tuple) and len(entity) == 2 else entity  # noqa: PLR2004 - (filter, source)
        contracts.satisfies(
            source,
            lambda value: callable(value) or hasattr(value, "to_json"),
            "entity",
            "a SelfDescribingJson, a function that gives some, or a pair (filter, either)",
        )
        self._global_contexts.append(entity)
        return self

    def remove_global_context(self, entity: GlobalContext) -> Self:
        """Take back what was given to `add_global_context`."""
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
        """Give the tracker's name."""
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
            del pairs["aid"]  # so that what is left is texts only, which is quick
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

    if not TYPE_CHECKING:  # for a type checker, what is not here is an error
        addEmitter = Renamed("add_emitter")  # noqa: N815 - so it was spelled
        set_platform = Renamed("subject.set_platform")
        set_user_id = Renamed("subject.set_user_id")
        get_emitters = Renamed("emitters")

    def __dir__(self) -> list[str]:
        return without_renamed(super().__dir__(), Tracker)


def _advise(value: Any) -> str:
    if isinstance(value, SelfDescribingJson):
        return "track wants an event: put the SelfDescribingJson into SelfDescribing(…)"
    if isinstance(value, Payload):
        return (
            "track wants an event, not a payload: snowplow-tracker 1.0 changed that; Event(payload) makes one"
        )
    return f"track wants an event, such as PageView(…), and got {value!r}"
