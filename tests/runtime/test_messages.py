"""Messages of the session, cells, steps and settings: each says what is wrong, where, why, and what to do; the page lists them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nbtrack
from nbtrack import col
from nbtrack.collector import LocalCollector
from nbtrack.runtime import NBTrack, SettingError
from nbtrack.tracker import (
    PageView,
    SelfDescribingJson,
)
from tests.support.messages import PAGES, Messages, message_tests

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"


MESSAGES: Messages = {
    "a session with a URL of another protocol": (
        lambda: nbtrack.start("ftp://sp.acme.com"),
        SettingError,
        "endpoint must start with http:// or https://, got ftp://; or 'local' for this machine's own collector",
    ),
    "a session with an address that is not a string": (
        lambda: nbtrack.start(collector=5),
        SettingError,
        "collector = 5 (argument) is invalid: must be a str",
    ),
    "no session": (
        nbtrack.session,
        RuntimeError,
        "no nbtrack session runs here: run `%load_ext nbtrack` in a notebook, or call nbtrack.start() in a script",
    ),
    "something that cannot be tracked": (
        lambda: nbtrack.track(42),
        TypeError,
        "nbtrack.track takes a name (with nbtrack.track('fit') as step), a function (@nbtrack.track) or an event",
    ),
    "an event's class in place of the event": (
        lambda: nbtrack.track(PageView),
        TypeError,
        "nbtrack.track takes an event, got its class: use nbtrack.track(PageView(…))",
    ),
    "an event's data in place of the event": (
        lambda: nbtrack.track(SelfDescribingJson(TIMING, {})),
        TypeError,
        "nbtrack.track takes an event, got a SelfDescribingJson: wrap it in SelfDescribing(…)",
    ),
    "a property where the step is named": (
        lambda: nbtrack.track("fit", auc=0.91),
        TypeError,
        "nbtrack.track has no argument auc=; use with nbtrack.track('fit') as step, then step['auc'] = …, or",
    ),
    "a label that is not a string": (
        lambda: nbtrack.track("fit", label=3),
        TypeError,
        "label must be a str and belongs to a step, got label=3 for 'fit'",
    ),
    "a setting with a typo": (
        lambda: NBTrack(colector="local"),
        ValueError,
        "nbtrack has no setting 'colector' (argument). Did you mean 'collector'?",
    ),
    "an invalid value of a setting": (
        lambda: NBTrack(cells="some"),
        ValueError,
        "cells = 'some' (argument) is invalid: must be 'marked', 'all' or 'off'",
    ),
    "an unknown store": (
        lambda: nbtrack.start(store="dsk"),
        SettingError,
        "store = 'dsk' (argument) is invalid: must be 'disk', 'memory' or a URL such as redis://",
    ),
    "a page that is no URL": (
        lambda: NBTrack(page_url="hub.acme.com/proxy/{port}"),
        SettingError,
        "page_url = 'hub.acme.com/proxy/{port}' (argument) is invalid: must be a URL such as https://hub.acme.com/user/ann/proxy/{port}",
    ),
    "a page with a variable that is not set": (
        lambda: NBTrack(page_url="https://hub.acme.com{NOWHERE}/{port}"),
        SettingError,
        "{NOWHERE} is neither {port} nor an environment variable that is set",
    ),
    "an empty namespace": (
        lambda: NBTrack(namespace=""),
        SettingError,
        "namespace = '' (argument) is invalid: must not be empty",
    ),
    "a redaction that cannot be called": (
        lambda: NBTrack(redact="email"),
        SettingError,
        "redact = 'email' (argument) is invalid: must be a function (str) -> str or None, so set it in Python: nbtrack.start(redact=…)",
    ),
    "an address that is not an Iglu server's": (
        lambda: NBTrack(iglu=["s3://schemas"]),
        SettingError,
        "'s3://schemas' is neither a folder nor the http:// or https:// URL of a server",
    ),
    "a session with a collector that does not run": (
        lambda: nbtrack.start(LocalCollector()),
        SettingError,
        "<LocalCollector not started> is not running: call its start(), or use it in a with statement: with LocalCollector() as …",
    ),
    "an attribute that nbtrack does not have": (
        lambda: nbtrack.load,
        AttributeError,
        "module 'nbtrack' has no attribute 'load'",
    ),
    "a monitor without a session": (nbtrack.monitor, RuntimeError, "run `%load_ext nbtrack` in a notebook"),
    "an attribute that a step does not have": (
        lambda: setattr(nbtrack.track("fit"), "auc", 0.9),
        AttributeError,
        "a step has no attribute 'auc'; it has rows_in, rows_out and label, and any property can be set as step['auc'] = …",
    ),
}


test_a_message_says_what_is_wrong_and_what_to_do, test_the_page_lists_every_message = message_tests(
    "runtime", MESSAGES
)


def test_a_home_that_cannot_be_written_is_told_at_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    try:
        told = nbtrack.start().describe()
    finally:
        nbtrack.stop()
    assert "is not writable: unsent events are lost when this process ends" in told


def test_a_local_collector_without_a_home_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "file" / "home"))
    told = r"cannot start the local collector: .*home is not writable \(Not a directory\); set NBTRACK_HOME"
    session = nbtrack.start()
    try:
        with pytest.raises(OSError, match=told):
            session.collector  # noqa: B018
    finally:
        nbtrack.stop()


def test_an_environment_variable_with_a_typing_error_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_COLECTOR", "https://sp.acme.com")
    assert NBTrack().complaints == [
        "nbtrack has no setting 'colector' (NBTRACK_COLECTOR). Did you mean 'collector'?"
    ]


def test_headers_that_do_not_fit_are_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SettingError, match=r"headers = … \(argument\) is invalid: headers must be a dict"
    ) as told:
        NBTrack(headers="Bearer secret")
    assert "secret" not in str(told.value)
    monkeypatch.setenv("NBTRACK_HEADERS", "Bearer secret")
    assert NBTrack().complaints == [
        "headers = … (NBTRACK_HEADERS) is ignored: must be a dict such as {'Authorization': '…'}"
    ]


def test_folders_of_schemas_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_IGLU", "schemas")
    told = f"iglu (NBTRACK_IGLU): no such folder: 'schemas' ({tmp_path / 'schemas'})"
    assert NBTrack().complaints == [told]
    monkeypatch.setenv("NBTRACK_IGLU", "['https://iglu.acme.com']")
    assert (NBTrack().iglu, NBTrack().complaints) == (["https://iglu.acme.com"], [])


def test_a_script_reads_of_wrong_settings_in_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    monkeypatch.setenv("NBTRACK_COLECTOR", "https://sp.acme.com")
    nbtrack.start()
    nbtrack.stop()
    (record,) = caplog.records
    assert "nbtrack has no setting 'colector' (NBTRACK_COLECTOR)" in record.getMessage()


def told_by(call: Callable[[], object]) -> str:
    with pytest.raises(RuntimeError) as told:
        call()
    return str(told.value)


def test_what_is_told_in_marimo_is_listed(monkeypatch: pytest.MonkeyPatch):
    make_plan = pytest.importorskip("nbtrack.bulk").make_plan
    for module in ("nbtrack.runtime.active", "nbtrack.bulk.plan"):
        monkeypatch.setattr(f"{module}.find_marimo_kernel", object)
    page = (PAGES / "logs.md").read_text(encoding="utf-8")
    assert f"| `{told_by(nbtrack.session)}` |" in page
    assert f"| `{told_by(lambda: make_plan(PageView(col('url')), ['url']))}` |" in page


IN_PYODIDE = """
from nbtrack.common import pyodide
pyodide.IN_PYODIDE = True
from nbtrack.common.pyodide import LIMITS, NO_LOCAL_COLLECTOR
from nbtrack.tracker import Emitter
print(LIMITS, NO_LOCAL_COLLECTOR, sep="\\n")
try:
    Emitter("https://sp.acme.com", verify=False)
except ValueError as error:
    print(error)
try:
    import nbtrack.bulk
except ModuleNotFoundError as error:
    print(error)
"""


def test_what_is_told_in_pyodide_is_listed():
    told = subprocess.run([sys.executable, "-c", IN_PYODIDE], capture_output=True, text=True, check=True)
    page = (PAGES / "logs.md").read_text(encoding="utf-8")
    lines = told.stdout.splitlines()
    assert len(lines) == 4
    assert [line for line in lines if f"| `{line}` |" not in page] == []
