"""A backfill with the URI of a schema in place of an event."""

import pandas as pd
import pyarrow as pa
import pytest

import nbtrack.pandas
from nbtrack import backfill
from nbtrack.bulk import TemplateError, preview
from nbtrack.collector import LocalCollector
from nbtrack.tracker import PageView

assert nbtrack.pandas
URI = "iglu:com.acme/purchase/jsonschema/1-0-0"
FRAME = pd.DataFrame(
    {
        "order": ["o-1", "o-2"],
        "total": [9.5, None],
        "who": ["ann", None],
        "at": pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True),
    }
)


def test_columns_are_properties_but_for_time_and_user() -> None:
    [first, second] = preview(FRAME, URI, key="order", time="at", user_id="who").to_dict("records")
    assert first["ue_px"]["data"] == {"schema": URI, "data": {"order": "o-1", "total": 9.5}}
    assert (first["ttm"], first["uid"]) == ("1704067200000", "ann")
    assert second["ue_px"]["data"]["data"] == {"order": "o-2", "total": None}
    assert preview(FRAME, URI, columns=["order"])["ue_px"][0]["data"]["data"] == {"order": "o-1"}
    assert preview(FRAME, URI, columns={"id": "order"})["ue_px"][0]["data"]["data"] == {"id": "o-1"}
    with pytest.raises(TemplateError, match=r"no column 'when'"):
        preview(FRAME, URI, time="when")


@pytest.mark.parametrize("data", [FRAME, pa.Table.from_pandas(FRAME)], ids=["pandas", "arrow"])
def test_a_drafted_schema_is_registered_here_and_with_the_collector(data: object) -> None:
    with LocalCollector() as collector:
        report = backfill(data, URI, key="order", time="at", draft=True, collector=collector)
        assert (report.ok, report.good) == (True, 2)
        assert report.notes == [
            "the drafted schema has these bounds: order at most 16 characters, total 0 to 1,000, who at most 16 characters"
        ]


@pytest.mark.parametrize("collector", [None, "local"])
def test_a_drafted_schema_is_registered_with_the_local_collector_of_the_session(
    collector: str | None,
) -> None:
    with LocalCollector() as running:
        session = nbtrack.start(running, store="memory")
        rehearsal = backfill(
            FRAME, URI, key="order", time="at", draft=True, collector=collector, dry_run=True
        )
        assert rehearsal.ok
        for frame in (FRAME[:1], FRAME):  # a second draft, with other bounds, takes the first one's place
            report = backfill(frame, URI, key="order", time="at", draft=True, collector=collector)
            assert (report.ok, report.good) == (True, len(frame))
        assert session.registry.find(URI)["properties"].keys() == {"order", "total", "who"}
        nbtrack.stop()


def test_the_accessor_takes_the_uri_too() -> None:
    assert FRAME.nbtrack.backfill(URI, key="order", time="at", dry_run=True).ok
    assert len(FRAME.nbtrack.preview(URI, 1)) == 1


def test_options_of_the_columns_are_for_a_uri_only() -> None:
    with pytest.raises(TypeError, match="time= is for an event that is given as the URI of its schema"):
        backfill(FRAME, PageView("https://acme.com"), time="at", dry_run=True)
    with pytest.raises(TypeError, match="draft=True needs a DataFrame or an Arrow table, got list"):
        backfill([FRAME], URI, draft=True, dry_run=True)
