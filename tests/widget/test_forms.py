"""The forms that need no widget: HTML and text."""

import subprocess
import sys

import pytest

from nbtrack.delivery import Attempt, PendingEvent
from nbtrack.tracker import StructuredEvent
from nbtrack.widget import Snapshot, render_html, render_text, take_snapshot
from nbtrack.widget.messages import Feed

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x07"


def hostile():
    counters = {"accepted": 1, "waiting": 1, f"dropped: {EVIL}": 1}
    event = PendingEvent("secret-id", 1.0, EVIL, EVIL * 1_000, 9, 0)
    attempt = Attempt(1, 1.0, 1, 9, 500, 1.0, 3.0, EVIL, ("secret-id",))
    results = {
        "total": 1,
        "good": 0,
        "bad": 1,
        "last": [{"event_id": "secret-id", "reasons": ["secret"], "schema": EVIL}],
        "by_schema": [{"schema": EVIL, "good": 0, "bad": 1}],
    }
    return Snapshot(1.0, EVIL, "retrying", EVIL, counters, [event], [attempt], results)


def test_html_holds_text_from_elsewhere_as_text_only_and_no_content():
    html = render_html(hostile())
    assert "<script" not in html
    assert "<img" not in html
    assert "\u202e" not in html
    assert "\x07" not in html
    assert "secret" not in html
    assert html.count("<caption") == 5
    assert len(html) < 10_000


def test_html_and_text_come_from_the_same_snapshot(session):
    session.emitter.pause()
    session.tracker.track(StructuredEvent("shop", "buy"))
    snapshot = take_snapshot(session)
    assert "1 waiting" in render_text(snapshot)
    assert "the oldest 1 of 1" in render_html(snapshot)
    assert "paused" in render_html(snapshot)
    assert "shop" not in render_html(snapshot)


def test_the_collectors_counts_are_those_of_good_and_failed_events():
    snapshot = hostile()
    assert "0 good, 1 failed" in render_text(snapshot)
    counts, _, schemas = render_html(snapshot).partition("Local collector")[2].partition("by schema")
    assert ">failed</th>" in counts
    assert ">failed</th>" in schemas


def test_what_a_collector_at_a_url_accepted_has_unknown_validation_results(session, running):
    import nbtrack

    unknown = "unknown: this collector accepts events before its pipeline validates them"
    session = nbtrack.start(running.url, store="memory")  # as a company's, by its URL
    try:
        assert unknown not in render_text(take_snapshot(session))
        with nbtrack.track("load"):
            pass
        assert session.flush(timeout=10).pending == 0
        snapshot = take_snapshot(session)
        assert f"\n  validation    {unknown}" in render_text(snapshot)
        assert f"<p>Validation results: {unknown}.</p>" in render_html(snapshot)
        assert Feed().summarise(snapshot)["validation"] == unknown
        assert [entry.validation for entry in nbtrack.activity()] == ["not checked"]
        assert "valid" not in repr(nbtrack.activity())
    finally:
        nbtrack.stop()


def test_what_the_local_collector_validated_has_results(session):
    session.tracker.track(StructuredEvent("shop", "buy"))
    assert session.flush(timeout=10).pending == 0
    assert "validation    unknown" not in render_text(take_snapshot(session))


def test_the_old_name_of_the_results_warns():
    snapshot = hostile()
    with pytest.warns(DeprecationWarning, match=r"Snapshot\.verdicts is now results"):
        assert snapshot.verdicts is snapshot.results


def test_a_widget_brings_both_along(session):
    import nbtrack

    data, _ = nbtrack.monitor()._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    still = nbtrack.monitor().still()
    assert "nbtrack" in still._repr_html_()
    assert "nbtrack" in repr(still)


def test_loading_the_extension_loads_no_widgets():
    program = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell; import nbtrack;"
        "nbtrack.load_ipython_extension(InteractiveShell.instance());"
        "import nbtrack.widget; print([name for name in ('ipywidgets', 'anywidget') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
