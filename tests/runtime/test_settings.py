"""Settings: where values come from, which one wins, what is locked, and what wrong ones say."""

from pathlib import Path

import pytest
from traitlets.config import Config

import nbtrack
from nbtrack.runtime import NBTrack, SettingError, settings


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "system_files", lambda: [tmp_path / "etc.toml"])


def source_of(made: NBTrack, name: str) -> str:
    return next(source for known, _, source in made.describe() if known == name)


def test_each_source_beats_the_weaker_ones_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source_of(NBTrack(), "cells") == "default"
    (tmp_path / "etc.toml").write_text('cells = "off"')
    assert (NBTrack().cells, source_of(NBTrack(), "cells")) == ("off", str(tmp_path / "etc.toml"))
    config = Config({"NBTrack": {"cells": "all"}})
    assert (NBTrack(config=config).cells, source_of(NBTrack(config=config), "cells")) == (
        "all",
        "configuration file",
    )
    (tmp_path / "pyproject.toml").write_text('[tool.nbtrack]\ncells = "marked"')
    assert source_of(NBTrack(config=config), "cells") == "pyproject.toml"
    monkeypatch.setenv("NBTRACK_CELLS", "off")
    assert (NBTrack(config=config).cells, source_of(NBTrack(config=config), "cells")) == (
        "off",
        "NBTRACK_CELLS",
    )
    made = NBTrack(config=config, cells="all")
    assert (made.cells, source_of(made, "cells")) == ("all", "argument")
    made.cells = "off"
    assert source_of(made, "cells") == "%config"


def test_a_lock_beats_everything_and_says_who_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc.toml").write_text('collector = "https://sp.acme.com"\n[locked]\nsource = false')
    monkeypatch.setenv("NBTRACK_SOURCE", "1")
    made = NBTrack(source=True)
    assert made.source is False
    assert "locked" in source_of(made, "source")
    with pytest.raises(SettingError, match=r"source is locked at False by .*etc\.toml"):
        made.source = True
    made.collector = "local"  # a default of the platform is no lock


def test_a_wrong_name_is_an_error_in_arguments_and_a_complaint_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match="Did you mean 'cells'"):
        NBTrack(cell="all")
    with pytest.raises(SettingError, match="is invalid"):
        NBTrack(cells="some")
    monkeypatch.setenv("NBTRACK_CELSS", "all")
    (tmp_path / "pyproject.toml").write_text('[tool.nbtrack]\ncolector = "local"\ncells = "none"')
    made = NBTrack()
    assert len(made.complaints) == 3
    assert made.cells == "marked"


def test_broken_files_are_complaints(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.nbtrack\n")
    assert "pyproject.toml is ignored" in NBTrack().complaints[0]


def test_secrets_are_not_shown() -> None:
    made = NBTrack(headers={"Authorization": "Bearer abc"}, collector="https://bob:pw@sp.acme.com/x")
    shown = str(made.describe())
    assert "Bearer" not in shown
    assert "pw" not in shown
    assert "https://sp.acme.com/x" in shown


def test_a_collector_named_by_its_host_is_shown_as_its_url_without_credentials() -> None:
    made = NBTrack(collector="bob:pw@sp.acme.com")
    assert ("collector", "https://sp.acme.com", "argument") in made.describe()
    session = nbtrack.start("bob:pw@sp.acme.com", store="memory")
    try:
        assert (session.destination, "pw" in session.describe()) == ("https://sp.acme.com", False)
    finally:
        nbtrack.stop()


def test_local_is_this_machine_however_it_is_written() -> None:
    assert NBTrack(collector="LOCAL").collector == "local"


def test_an_address_with_a_slash_too_few_is_refused() -> None:
    with pytest.raises(SettingError, match=r"no host in endpoint 'http:/sp\.acme\.com'"):
        NBTrack(collector="http:/sp.acme.com")


def test_a_switch_takes_the_words_that_people_write(monkeypatch: pytest.MonkeyPatch) -> None:
    for word, meant in {
        "yes": True,
        "on": True,
        "1": True,
        "no": False,
        "Off": False,
        "false": False,
    }.items():
        monkeypatch.setenv("NBTRACK_SOURCE", word)
        assert (NBTrack().source, NBTrack().complaints) == (meant, [])
    monkeypatch.setenv("NBTRACK_SOURCE", "maybe")
    assert NBTrack().complaints == [
        "NBTRACK_SOURCE is ignored: must be true (1, yes, on) or false (0, no, off), got 'maybe'"
    ]


def test_a_misspelt_setting_of_a_session_is_refused() -> None:
    made = NBTrack()
    with pytest.raises(SettingError, match=r"no setting 'colector' \(attribute\)\. Did you mean 'collector'"):
        made.colector = "https://sp.acme.com"  # type: ignore[attr-defined]
