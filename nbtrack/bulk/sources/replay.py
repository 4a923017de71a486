"""Dead letters sent again: their events are in the file already."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from nbtrack.bulk.duckdb import open_cursor
from nbtrack.bulk.encoding.compiler import Statement
from nbtrack.bulk.sources.files import RelationSource

_STATEMENT = Statement(
    """
select c1 || ',' as event, md5_number_lower(coalesce(c0, c1)) as id, null::bigint as moment,
  true as sure, 0::ubigint as print from chunk
""",
    (),
)


class Replay:
    """In the place of a compiler: its statement takes events as they are."""

    wanted = ("event_id", "payload")  # c0 and c1 of the statement
    required: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def compile(self, schema: pa.Schema, objects: frozenset[str] = frozenset()) -> Statement:  # noqa: ARG002 - one for all
        """Give the statement."""
        return _STATEMENT


def open_letters(path: Path, *, invalid: bool) -> RelationSource:
    """Give the events of dead letters: those that a collector refused, and the invalid ones if asked."""
    which = "true" if invalid else "refused"
    rows = open_cursor().read_parquet(str(path)).filter(f"payload is not null and {which}")
    source = RelationSource(rows)
    source.rows = rows.count("*").fetchall()[0][0]
    return source
