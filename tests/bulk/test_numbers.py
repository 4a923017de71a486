"""A number has one form, whatever its type and whatever the rows beside it."""

import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import make_event_id, make_namespace, preview
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson, StructuredEvent, Subject, Tracker
from nbtrack.values import key_text

EVENT = SelfDescribing(SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {"x": col("x")}))
NAMESPACE = uuid.UUID(int=7)


class Kept:
    """An emitter that keeps the last payload."""

    def input(self, payload: dict[str, str]) -> None:
        self.payload = payload


def ids(data: Any, **options: Any) -> list[str]:
    return list(preview(data, EVENT, 100, key="x", namespace=NAMESPACE, **options)["eid"])


def test_ids_do_not_depend_on_the_rows_beside() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, float("nan")]})
    assert ids(frame)[:2] == ids(frame.dropna()) == ids(frame.iloc[:2].astype("int64"))
    assert ids(iter([frame.iloc[:1], frame.iloc[1:]])) == ids(frame)
    assert ids(frame.dropna().astype(str).replace({"1.0": "1", "2.0": "2"})) == ids(frame.dropna())


FORMS: dict[str, tuple[Any, list[str]]] = {
    "int64": (pa.array([1, -2, None]), ["1", "-2", ""]),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
    "double": (pa.array([1.0, -0.0, 2.5, 1e16, 2.0**53, 1e300]), ["1", "0", "2.5", "1e+16", "9007199254740992.0", "1e+300"]),
    "float32": (pa.array([1.0, 0.5], pa.float32()), ["1", "0.5"]),
    "float16": (pa.array(np.array([3.0, 0.25], np.float16)), ["3", "0.25"]),
    "decimal": (pa.array([Decimal("1.10"), Decimal("2.00")], pa.decimal128(10, 2)), ["1.10", "2.00"]),
    "wide decimal": (pa.array([Decimal("1.10")], pa.decimal128(38, 2)), ["1.10"]),
    "whole decimal": (pa.array([Decimal(12)], pa.decimal128(12, 0)), ["12"]),
    "bool": (pa.array([True, False]), ["True", "False"]),
    "string": (pa.array(["o-1", "é"]), ["o-1", "é"]),
    "date": (pa.array([0], pa.date32()), ["1970-01-01"]),
    "timestamp": (pa.array([0], pa.timestamp("us")), ["1970-01-01T00:00:00.000000Z"]),
    "duration": (pa.array([1_500_000], pa.duration("us")), ["1.5"]),
    "list": (pa.array([[1, 2]]), ["[1,2]"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_the_id_of_a_row_is_made_from_the_one_form_of_its_key(name: str) -> None:
    array, texts = FORMS[name]
    assert ids(pa.table({"x": array})) == [str(make_event_id(NAMESPACE, [text])) for text in texts]
    assert [key_text(value) for value in array.to_pylist()] == texts


def test_the_ids_of_recipe_2_stay_as_they_are() -> None:
    frozen = {
        "1": "693704db-0d92-89cd-8cfa-aa2feb4b7046",
        "-2": "aa3680f6-7dd1-88cc-b27c-2a4900e8c054",
        "2.5": "8b7fb311-1ee2-8705-8afd-2b74c6125f9b",
        "1.10": "bbe98836-0a6e-8b27-afae-d9de4c61fddf",
        "True": "5e058281-b1da-891b-972e-f5f927fd481d",
        "o-1": "b6122508-626e-849f-b094-59a1855c78a7",
        "1970-01-01": "d1be0e1c-bbbf-8503-ac68-9df824b2959f",
        "1970-01-01T00:00:00.000000Z": "62d570be-4a2a-8220-9b55-0130f82ac0e1",
        "": "f7fc3aa8-d21c-83b6-af00-8671594558c4",
    }
    assert {text: str(make_event_id(NAMESPACE, [text])) for text in frozen} == frozen
    data = pd.DataFrame({"x": pd.Series([1, -2.0, 2.5, Decimal("1.10"), True, "o-1", None], dtype=object)})
    assert ids(data) == [frozen[text] for text in ("1", "-2", "2.5", "1.10", "True", "o-1", "")]
    assert str(make_event_id(make_namespace(EVENT), ["o-1", "2"])) == "6d93a246-d5a8-831c-b272-24ed5851f48b"


def test_strings_made_of_numbers_have_the_one_form() -> None:
    event = SelfDescribing(
        SelfDescribingJson(
            "iglu:com.acme/thing/jsonschema/1-0-0", {"a": col("x").cast("str"), "b": col("x").format("n-{}")}
        )
    )
    data: dict[str, Any] = {
        "floats": pa.table({"x": [1.0, 2.5]}),
        "decimals": pa.table({"x": pa.array([Decimal("1.10"), Decimal("2.50")], pa.decimal128(9, 2))}),
        "numpy": pd.DataFrame({"x": pd.Series([np.bool_(True), True], dtype=object)}),
    }
    found = {
        name: [value["data"]["data"]["a"] for value in preview(table, event)["ue_px"]]
        for name, table in data.items()
    }
    assert found == {"floats": ["1", "2.5"], "decimals": ["1.10", "2.50"], "numpy": ["true", "true"]}


def test_json_holds_integers_and_flat_fields_the_text_of_the_reference() -> None:
    for data in (pd.DataFrame({"x": [20.0, np.nan]}), pl.DataFrame({"x": [20.0, None]})):
        assert preview(data, EVENT)["ue_px"][0]["data"]["data"] == {"x": 20}
        events = preview(data, StructuredEvent("a", "b", value=col("x")))
        assert events["se_va"][0] == "20.0"


def test_a_field_of_integers_holds_integers_as_track_writes_them() -> None:
    values = [1.0, 2.0, None, -3.0, 1e9]
    event = PageView("https://acme.com", event_subject=Subject().set_domain_session_index(col("n")))
    expected: list[str | None] = []
    emitter = Kept()
    tracker = Tracker("ns", emitter)
    for value in values:
        tracker.track(event.substitute({"n": value}))
        expected.append(emitter.payload.get("vid"))
    assert expected == ["1", "2", None, "-3", "1000000000"]
    for frame in (pd.DataFrame({"n": values}), pd.DataFrame({"n": pd.Series(values, dtype="object")})):
        sent = preview(frame, event, len(values))["vid"]
        assert [None if pd.isna(value) else value for value in sent] == expected


def test_the_report_names_the_recipe_of_the_ids() -> None:
    assert backfill(pa.table({"x": [1]}), EVENT, key="x", dry_run=True).id_recipe == 2
