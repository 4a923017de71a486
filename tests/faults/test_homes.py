"""Without a home that can be used, a session starts all the same; and a folder that others prepared is never used."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.delivery import InMemoryEventStore, SQLiteEventStore
from nbtrack.delivery.outbox import open_outbox

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
PROGRAM = """
import logging, pwd

logging.basicConfig()

def no_entry(uid):
    raise KeyError(uid)

pwd.getpwuid = no_entry
import nbtrack
from nbtrack.tracker import PageView
session = nbtrack.start(collector="http://127.0.0.1:9")
session.tracker.track(PageView("https://acme.com"))
print(session.emitter.stats().pending, type(session.emitter.event_store).__name__)
session.emitter.pause()
nbtrack.stop()
"""


def run_without_home(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    hidden = {"HOME", "NBTRACK_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMPDIR"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**env, **environment},
    )


def test_a_session_starts_without_home_and_passwd_entry(tmp_path: Path) -> None:
    done = run_without_home(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 SQLiteEventStore\n"
    assert done.stderr.count("Cannot use the outbox") == 1
    assert list(tmp_path.iterdir()) == []


def test_with_no_folder_to_write_to_events_wait_in_memory_and_one_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)

    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    store = open_outbox(tmp_path / "file" / "home")
    assert isinstance(store, InMemoryEventStore)
    assert len(caplog.records) == 1


def prepare_open_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def prepare_link(folder: Path) -> None:
    target = folder.parent / "theirs"
    target.mkdir(mode=0o700)
    folder.symlink_to(target)


def prepare_foreign_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)


def prepare_file(folder: Path) -> None:
    folder.touch(0o666)


@pytest.mark.parametrize(
    "prepare",
    [
        prepare_open_folder,
        prepare_link,
        pytest.param(prepare_foreign_folder, marks=root_only),
        prepare_file,
    ],
)
def test_a_folder_that_others_can_read_is_not_used(
    prepare: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared))
    prepare(shared / f"nbtrack-{os.getuid()}")
    with open_outbox(tmp_path / "file" / "home") as store:
        assert isinstance(store, SQLiteEventStore)
        assert store.add_event({"e": "pv"})
        folder = store.path.parent
        state = folder.lstat()
        assert stat.S_ISDIR(state.st_mode)
        assert (state.st_uid, state.st_mode & 0o077) == (os.getuid(), 0)
        assert folder != shared / f"nbtrack-{os.getuid()}"
        assert store.path.stat().st_mode & 0o077 == 0
