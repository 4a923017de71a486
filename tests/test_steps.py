"""nbtrack.track: steps as context managers and decorators, and one-off events."""

import asyncio
import base64
import functools
import inspect
import json
import threading
import timeit
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import polars as pl
import pytest

import nbtrack
from nbtrack.runtime import Session
from nbtrack.template import col
from nbtrack.tracker import (
    InvalidEvent,
    InvalidEventWarning,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
)


@pytest.fixture
def session(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    for name in ("DO_NOT_TRACK", "NBTRACK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    started = nbtrack.start(collector="http://127.0.0.1:9", store="memory")
    started.emitter.pause()
    yield started
    nbtrack.stop()


def sent(session: Session) -> list[dict[str, Any]]:
    """Give the data of the events that wait, oldest first."""
    payloads = [session.emitter.payload(event.event_id) for event in session.emitter.pending()]
    return [
        json.loads(base64.urlsafe_b64decode(p["ue_px"]))["data"]["data"]
        for p in payloads
        if p and "ue_px" in p
    ]


def entities(session: Session, place: int = -1) -> list[dict[str, Any]]:
    payload = session.emitter.payload(session.emitter.pending()[place].event_id)
    assert payload
    return [
        e["data"]
        for e in json.loads(base64.urlsafe_b64decode(payload["cx"]))["data"]
        if "/dataframe/" in e["schema"]
    ]


def test_a_with_block_is_a_step_with_rows_and_properties(session: Session) -> None:
    with nbtrack.track("fit model", label="baseline") as step:
        step.rows_in = 100
        step["auc"] = 0.91
    (data,) = sent(session)
    assert {k: data[k] for k in ("name", "label", "kind", "status", "rows_in")} == {
        "name": "fit model", "label": "baseline", "kind": "step", "status": "ok", "rows_in": 100,
    }  # fmt: skip
    assert data["properties"] == [{"name": "auc", "value": 0.91}]
    assert data["duration_ms"] >= 0


def test_an_error_passes_through_and_gives_its_class_only(session: Session) -> None:
    with pytest.raises(ValueError, match="private"), nbtrack.track("bad"):
        raise ValueError("private")
    (data,) = sent(session)
    assert (data["status"], data["error_class"]) == ("error", "ValueError")
    assert "private" not in json.dumps(data)


def test_steps_know_their_parent(session: Session) -> None:
    with nbtrack.track("outer"), nbtrack.track("inner"):
        pass
    inner, outer = sent(session)
    assert inner["parent_id"] == outer["step_id"]
    assert "parent_id" not in outer


def test_a_step_entered_again_before_its_end_is_two_events_and_no_later_ones_parent(session: Session) -> None:
    step = nbtrack.track("descend")
    with step, step:
        pass
    with nbtrack.track("after"):
        pass
    inner, outer, after = sent(session)
    assert (inner["name"], outer["name"]) == ("descend", "descend")
    assert inner["parent_id"] == outer["step_id"] != inner["step_id"]
    assert "parent_id" not in outer
    assert "parent_id" not in after


def test_a_step_shared_by_threads_is_an_event_for_each(session: Session) -> None:
    step, both = nbtrack.track("part"), threading.Barrier(2)

    def work(_: int) -> None:
        with step:
            both.wait(10)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert [data["name"] for data in sent(session)] == ["part", "part"]


def test_labels_and_properties_of_any_kind_cost_no_event(session: Session) -> None:
    with nbtrack.track("v") as step:
        step.label = 3  # type: ignore[assignment]
        step["digits"] = 10**5_000
        step["many"] = 2**40_000
    with nbtrack.track("w") as step:
        step.label = pd.DataFrame({"secret": [1]})  # type: ignore[assignment]
    first, second = sent(session)
    assert (first["label"], second["label"]) == ("3", "pandas 1x1")
    assert {p["name"]: p["value"] for p in first["properties"]} == {"digits": "<int>", "many": "<int>"}


def test_other_attributes_and_classes_are_refused(session: Session) -> None:
    with nbtrack.track("s") as step:
        with pytest.raises(AttributeError, match=r"step\['accuracy'\] = "):
            step.accuracy = 1  # type: ignore[attr-defined]
        with pytest.raises(TypeError, match="got the class int"):
            step["kind"] = int


@nbtrack.track
def double(frame: Any) -> Any:
    """Doubles."""
    return frame


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_decorated_function_keeps_its_name_and_counts_frames(session: Session, library: str) -> None:
    make = pytest.importorskip(library)
    frame = (make.table if library == "pyarrow" else make.DataFrame)({"a": [1, 2]})
    assert (double.__name__, double.__doc__) == ("double", "Doubles.")
    assert double(frame) is frame
    assert sent(session)[-1]["rows_in"] == sent(session)[-1]["rows_out"] == 2
    assert entities(session) == [
        {"role": role, "library": library, "rows": 2, "columns": 1} for role in ("in", "out")
    ]


def test_a_lazy_frame_is_not_computed(session: Session) -> None:
    def explode(_: Any) -> Any:
        raise AssertionError("computed")

    lazy = pl.LazyFrame({"a": [1]}).map_batches(explode, schema={"a": pl.Int64, "b": pl.Int64})
    double(lazy)
    assert entities(session)[0] == {"role": "in", "library": "polars", "columns": 2}


def test_every_kind_of_function_is_tracked(session: Session) -> None:
    @nbtrack.track
    async def coroutine() -> int:
        await asyncio.sleep(0)
        return 1

    @nbtrack.track(label="g")
    def generator() -> Iterator[int]:
        got = yield 1
        yield got

    @nbtrack.track
    async def async_generator() -> Any:
        try:
            got = yield 1
        except KeyError:
            got = "thrown"
        yield got

    class Scaler:
        @nbtrack.track
        def fit(self, x: int) -> int:
            return x

        @staticmethod
        @nbtrack.track
        def static(x: int) -> int:
            return x

        @nbtrack.track
        @classmethod
        def build(cls) -> str:
            return cls.__name__

    async def use() -> tuple[Any, ...]:
        ag = async_generator()
        first = await anext(ag)
        second = await ag.athrow(KeyError())
        with pytest.raises(StopAsyncIteration):
            await anext(ag)
        return await coroutine(), first, second

    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)
    assert asyncio.run(use()) == (1, 1, "thrown")
    running = generator()
    assert (next(running), running.send(7)) == (1, 7)
    running.close()
    assert (Scaler().fit(3), Scaler.static(4), Scaler.build()) == (3, 4, "Scaler")
    assert [(d["name"].rpartition(".")[2], d["status"]) for d in sent(session)] == [
        ("async_generator", "ok"), ("coroutine", "ok"), ("generator", "ok"), ("fit", "ok"), ("static", "ok"), ("build", "ok"),
    ]  # fmt: skip


def test_an_object_keeps_its_methods_and_the_kind_of_its_call(session: Session) -> None:
    class Loader:
        async def __call__(self, name: str) -> str:
            await asyncio.sleep(0.02)
            return name

        def close(self) -> str:
            return "closed"

    @nbtrack.track
    @functools.lru_cache
    def cached(number: int) -> int:
        return number

    load = nbtrack.track(Loader())
    assert inspect.iscoroutinefunction(load)
    assert asyncio.run(load("a")) == "a"
    assert load.close() == "closed"
    assert [cached(1), cached(1)] == [1, 1]
    assert cached.cache_info().hits == 1
    cached.cache_clear()
    durations = {data["name"].rpartition(".")[2]: data["duration_ms"] for data in sent(session)}
    assert set(durations) == {"Loader", "cached"}
    # the wait belongs to the step
    assert durations["Loader"] >= 20


def test_a_class_is_tracked_through_its_call(session: Session) -> None:
    @nbtrack.track
    class Model:
        def __call__(self, x: int) -> int:
            return x + 1

    assert Model()(1) == 2
    assert sent(session)[-1]["name"] == "Model"


def test_an_event_is_sent_and_anything_else_is_refused(session: Session) -> None:
    assert nbtrack.track(PageView("https://acme.com"))
    with pytest.raises(TypeError, match=r"a name .* a function .* or an event"):
        nbtrack.track(42)  # type: ignore[call-overload]


def test_what_is_wrong_with_an_event_is_raised_where_it_is_tracked(session: Session) -> None:
    session.settings.validate = "raise"
    unknown = SelfDescribing(SelfDescribingJson("iglu:com.acme/visit/jsonschema/1-0-0", {}))
    with pytest.raises(InvalidEvent, match=r"no schema iglu:com\.acme/visit/jsonschema/1-0-0"):
        nbtrack.track(unknown)
    with pytest.raises(TypeError, match=r"se_la is col\('order_id'\)"):
        nbtrack.track(StructuredEvent("shop", "buy", label=col("order_id")))
    session.settings.validate = "off"
    with pytest.raises(TypeError, match="seats is a object, which has no JSON form"):
        nbtrack.track(SelfDescribing(SelfDescribingJson(unknown.event_json.schema, {"seats": object()})))
    assert (session.fault_count, sent(session)) == (0, [])


def test_a_warning_names_the_line_that_tracked_the_event(session: Session) -> None:
    session.settings.validate = "warn"
    with pytest.warns(InvalidEventWarning, match="no schema") as caught:
        nbtrack.track(SelfDescribing(SelfDescribingJson("iglu:com.acme/visit/jsonschema/1-0-0", {})))
    assert caught[0].filename == __file__


def test_what_is_wrong_with_a_step_is_counted_and_not_raised(session: Session) -> None:
    session.settings.validate = "raise"
    session.tracker.add_global_context(SelfDescribingJson("iglu:com.acme/visit/jsonschema/1-0-0", {}))
    with nbtrack.track("fit"):
        pass
    assert "InvalidEvent: no schema iglu:com.acme/visit/jsonschema/1-0-0" in session.faults[0].text


def test_a_fault_of_our_own_is_counted_where_an_event_is_tracked(session: Session) -> None:
    def fail(_: Any) -> Any:
        raise OSError("disk gone")

    session.tracker.add_global_context(fail)
    assert nbtrack.track(PageView("https://acme.com")) is None
    assert [fault.text for fault in session.faults] == ["OSError: disk gone"]


def test_without_a_session_steps_do_nothing_and_events_say_what_to_do() -> None:
    nbtrack.stop()
    with nbtrack.track("quiet") as step:
        step["x"] = 1
    assert double(3) == 3
    with pytest.raises(RuntimeError, match=r"%load_ext nbtrack.*nbtrack\.start\(\)"):
        nbtrack.track(PageView("https://acme.com"))
    with pytest.raises(RuntimeError, match=r"nbtrack\.start\(\)"):
        nbtrack.session()


def test_values_send_shapes_and_never_content(session: Session) -> None:
    with nbtrack.track("v") as step:
        step["frame"] = pd.DataFrame({"secret": [1]})
        step["object"] = object()
        step["nan"] = float("nan")
        step["long"] = list(range(1000))
        step["when"] = pd.Timestamp("2024-01-31")
    assert {p["name"]: p["value"] for p in sent(session)[-1]["properties"]} == {
        "frame": "pandas 1x1", "object": "<object>", "long": "<list>", "when": "2024-01-31T00:00:00",
    }  # fmt: skip


def test_a_step_costs_little_with_tracking_off(session: Session) -> None:
    session.turn_off()
    plain = min(timeit.repeat(lambda: None, number=2000, repeat=5)) / 2000
    tracked = min(timeit.repeat(lambda: double(None), number=2000, repeat=5)) / 2000
    assert tracked - plain < 20e-6
