"""Drafts of schemas from DataFrames."""

import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbtrack.schemas import Registry, draft_schema, lint_schema
from nbtrack.values import jsonable

URI = "iglu:com.acme/order/jsonschema/1-0-0"
FRAME = pd.DataFrame(
    {
        "number": np.arange(12),
        "price": np.linspace(0, 90.5, 12),
        "change": [-1.5] * 12,
        "gaps": [1.0, None] * 6,
        "paid": [True, False] * 6,
        "state": ["new", "sent", "back"] * 4,
        "note": [f"note {n}" for n in range(12)],
        "id": [str(uuid.uuid4()) for _ in range(12)],
        "when": pd.date_range("2020-01-01", periods=12),
        "day": [dt.date(2020, 1, 1)] * 12,
        "tags": [["a"], []] * 6,
        "place": [{"x": 1}, {"x": 2, "y": "b"}] * 6,
        "empty": [None] * 12,
    }
)


def test_columns_become_properties_with_types_and_bounds():
    schema = draft_schema(FRAME, URI)
    found = {
        name: {k: v for k, v in body.items() if k != "description"}
        for name, body in schema["properties"].items()
    }
    assert found["number"] == {"type": "integer", "minimum": 0, "maximum": 100}
    assert found["price"] == {"type": "number", "minimum": 0, "maximum": 1000.0}
    assert found["change"] == {"type": "number", "minimum": -1000.0, "maximum": 1000.0}
    assert found["gaps"] == {"type": ["integer", "null"], "minimum": 0, "maximum": 100}
    assert found["paid"] == {"type": "boolean"}
    assert found["state"] == {"type": "string", "maxLength": 16}
    assert found["note"] == {"type": "string", "maxLength": 16}
    assert found["id"] == {"type": "string", "format": "uuid", "maxLength": 36}
    assert found["when"]["format"] == "date-time"
    assert found["day"]["format"] == "date"
    assert found["tags"]["items"] == {"type": "string", "maxLength": 16}
    assert found["place"]["properties"]["y"]["type"] == ["string", "null"]
    assert found["empty"]["type"] == ["string", "null"]
    assert set(schema["required"]) == set(FRAME) - {"gaps", "empty"}


def test_a_draft_passes_the_linter_and_accepts_the_rows():
    schema = draft_schema(FRAME, URI)
    assert lint_schema(schema) == []
    registry = Registry()
    registry.register(schema)
    rows = FRAME.drop(columns=["when", "day"]).astype(object).where(FRAME.notna(), None).to_dict("records")
    for row in rows:
        data = {name: int(value) if isinstance(value, np.integer) else value for name, value in row.items()}
        data |= {"when": "2020-01-01T00:00:00Z", "day": "2020-01-01"}
        data["gaps"] = None if data["gaps"] is None else int(data["gaps"])
        assert registry.faults(URI, data) == []


def test_a_polars_dataframe_is_accepted():
    schema = draft_schema(pl.DataFrame({"n": [1, 2]}), URI)
    assert schema["properties"]["n"]["type"] == "integer"


def test_wrong_calls_raise():
    with pytest.raises(ValueError, match="not an Iglu URI"):
        draft_schema(FRAME, "order")
    with pytest.raises(ValueError, match="two columns are named 'a'; rename one of them first"):
        draft_schema(pd.DataFrame([[1, 2]], columns=["a", "a"]), URI)


ODD = {
    "decimals": [Decimal("1.5"), Decimal(3), Decimal("NaN")],
    "infinite": [1.5, float("inf"), float("-inf")],
    "spans": list(pd.to_timedelta([1, 2, 90], unit="s")),
    "times": [dt.time(1)] * 3,
    "bytes": [b"a" * 100, bytearray(b"b"), memoryview(b"\xff" * 3)],
    "mixed": [1, "one", True],
    "words and moments": ["soon", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "soon"],
    "lists": [[1.5, float("nan")], ["x"], (1, 2)],
    "objects": [{"a": Decimal("0.5")}, {"a": float("nan")}, {"b": b"x"}],
    "periods": list(pd.period_range("2024-01", periods=3, freq="M")),
}


@pytest.mark.parametrize("name", ODD)
def test_a_draft_accepts_the_events_made_of_its_dataframe(name):
    frame = pd.DataFrame({name: pd.Series(ODD[name], dtype=object)})
    schema = draft_schema(frame, URI)
    assert lint_schema(schema) == []
    registry = Registry()
    registry.register(schema)
    for row in frame.to_dict("records"):
        assert registry.faults(URI, jsonable(row)) == []


def test_enumerations_are_drafted_only_if_asked():
    state = draft_schema(FRAME, URI, enums=True)["properties"]["state"]
    assert state["enum"] == ["back", "new", "sent"]
    assert "enum" not in str(draft_schema(FRAME, URI))


def test_the_bounds_that_were_drafted_are_said() -> None:
    frame = pd.DataFrame(
        {
            "n": [-1, 70_000],
            "x": [0.5, 3e20],
            "s": ["a", "b" * 40],
            "e": ["y"] * 2,
            "t": pd.to_datetime(["2024-01-01"] * 2),
        }
    )
    properties = draft_schema(frame, "iglu:com.acme/order/jsonschema/1-0-0")["properties"]
    assert [body["description"] for body in properties.values()] == [
        "Column n: -2,147,483,648 to 2,147,483,647",
        "Column x: 0 to 1e+21",
        "Column s: at most 64 characters",
        "Column e: at most 16 characters",
        "Column t",
    ]
    enums = draft_schema(
        pd.DataFrame({"e": ["y", "n", None] * 3}), "iglu:com.acme/order/jsonschema/1-0-0", enums=True
    )
    assert enums["properties"]["e"]["description"] == "Column e: one of 2 values"
