"""The event of a backfill that is given by its schema alone: each column becomes a property."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.bulk.encoding.arrow import list_names
from nbtrack.bulk.sources.chunks import Source
from nbtrack.common.current_session import register_schema
from nbtrack.schemas import Registry, draft_schema
from nbtrack.schemas.drafting import describe_bounds
from nbtrack.template import col
from nbtrack.tracker import Event, SelfDescribing, SelfDescribingJson, Subject


@dataclass(frozen=True, slots=True)
class EventOptions:
    """How columns become an event; options of `nbtrack.bulk.backfill`.

    Parameters
    ----------
    time
        Column of the event's time.
    user_id
        Column of the user's id.
    columns
        Columns that become properties, or the columns by the names of the properties; by default all others.
    draft
        Whether a schema is drafted from the data, and registered.
    """

    time: str | None = None
    user_id: str | None = None
    columns: Sequence[str] | Mapping[str, str] | None = None
    draft: bool = False

    def build(self, event: Any, source: Source) -> Any:
        """Return the event for a schema's URI; an event is returned as it is.

        Raises
        ------
        TypeError
            If an option is given for an event that is complete.
        """
        if not isinstance(event, str):
            given = [name for name in ("time", "user_id", "columns", "draft") if getattr(self, name)]
            if given and isinstance(event, Event):
                raise TypeError(
                    f"{given[0]}= is for an event that is given as the URI of its schema; put col(…) into it"
                )
            return event
        return SelfDescribing(
            SelfDescribingJson(
                event, {name: col(column) for name, column in self._find_columns(source).items()}
            ),
            true_timestamp=None if self.time is None else col(self.time),
            event_subject=None if self.user_id is None else Subject().set_user_id(col(self.user_id)),
        )

    def register_draft(
        self, uri: Any, data: Any, source: Source, registry: Registry, collector: Any, *, dry_run: bool
    ) -> str:
        """Draft a schema from a DataFrame, and register it here and with a collector that runs here; return its bounds.

        A dry run starts no collector of the session.

        Raises
        ------
        TypeError
            If the data is not a DataFrame.
        """
        frame = data.to_pandas() if hasattr(data, "to_pandas") else data
        if not hasattr(frame, "columns") or not hasattr(frame, "iloc"):
            raise TypeError(f"draft=True needs a DataFrame or an Arrow table, got {type(data).__name__}")
        names = self._find_columns(source)
        part = frame[list(names.values())].set_axis(list(names), axis="columns")
        schema = draft_schema(part, uri)
        registry.register(schema)
        if hasattr(collector, "register"):
            collector.register(schema)
        elif (collector is None or collector == "local") and not dry_run:
            register_schema(schema)
        bounds = [
            f"{name} {text}" for name, body in schema["properties"].items() if (text := describe_bounds(body))
        ]
        return f"the drafted schema has these bounds: {list_names(bounds)}" if bounds else ""

    def _find_columns(self, source: Source) -> dict[str, str]:
        if isinstance(self.columns, Mapping):
            return dict(self.columns)
        if self.columns is not None:
            return {
                name: name for name in ([self.columns] if isinstance(self.columns, str) else self.columns)
            }
        return {name: name for name in source.names or () if name not in {self.time, self.user_id}}
