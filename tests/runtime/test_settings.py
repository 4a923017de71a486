"""Settings: where values come from, which one wins, what is locked, and what wrong ones say."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config
from traitlets.config.loader import KVArgParseConfigLoader

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
        "source = 'maybe' (NBTRACK_SOURCE) is ignored: must be true (1, yes, on) or false (0, no, off)"
    ]


def test_a_misspelt_setting_of_a_session_is_refused() -> None:
    made = NBTrack()
    with pytest.raises(SettingError, match=r"no setting 'colector' \(attribute\)\. Did you mean 'collector'"):
        made.colector = "https://sp.acme.com"  # type: ignore[attr-defined]


# TOML and Python read these the same
WRONG = ["5.5", "-1", "1000000", "true", '""', "[5]", "{ a = 5 }"]
WITH_SECRETS = [
    f'"{one}"'
    for one in ("ftp://ann:hush@acme.com/?token=hush", "http://ann:hush@:x", "http:/ann:hush@acme.com")
]
ADDRESSES = {"collector", "store", "iglu", "page_url"}


def read_wrong(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """Return what is said of wrong values of a setting, with the place that each must name, from every source."""
    said: list[tuple[str, str]] = []
    for text in [*WRONG, *(WITH_SECRETS if name in ADDRESSES else [])]:
        value: Any = tomllib.loads(f"x = {text}")["x"]
        try:
            NBTrack(**{name: value})
        except SettingError as error:
            said.append(("(argument) is invalid: ", str(error)))
        made = NBTrack()
        try:
            setattr(made, name, value)
        except SettingError as error:
            said.append((" is invalid: ", str(error)))
        found = NBTrack(config=Config({"NBTrack": {name: value}})).complaints
        said += [("(configuration file) is ignored: ", one) for one in found]
        (tmp_path / "pyproject.toml").write_text(f"[tool.nbtrack]\n{name} = {text}\n")
        said += [("(../pyproject.toml) is ignored: ", one) for one in NBTrack().complaints]
        (tmp_path / "pyproject.toml").unlink()
        (tmp_path / "etc.toml").write_text(f"{name} = {text}\n")
        said += [(f"({tmp_path / 'etc.toml'}) is ignored: ", one) for one in NBTrack().complaints]
        (tmp_path / "etc.toml").unlink()
        typed = value if isinstance(value, str) else text
        monkeypatch.setenv(f"NBTRACK_{name.upper()}", typed)
        said += [(f"(NBTRACK_{name.upper()}) is ignored: ", one) for one in NBTrack().complaints]
        monkeypatch.delenv(f"NBTRACK_{name.upper()}")
        line = KVArgParseConfigLoader([f"--NBTrack.{name}={typed}"]).load_config()
        said += [(f"(--NBTrack.{name}) is ignored: ", one) for one in NBTrack(config=line).complaints]
        try:
            NBTrack().assign(name, typed)
        except SettingError as error:
            said.append((" is invalid: ", str(error)))
    folders = (f"{name} (", "tracking_plan is checked with")  # a folder may be made later
    return [(place, one) for place, one in said if not one.startswith(folders)]


@pytest.mark.parametrize("name", NBTrack.names())
def test_a_wrong_value_is_told_with_its_place_and_what_it_must_be(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    said = read_wrong(name, monkeypatch, tmp_path)
    assert len(said) >= 20
    for place, message in said:
        before, found, expected = message.partition(place)
        assert found, (place, message)
        assert before.startswith(f"{name} = "), message
        assert expected.partition("; or")[0], message
        # in our words, and without a secret that stands in an address
        assert not [
            word for word in ("trait", "instance", "unicode", "Deferred", "hush") if word in message
        ], message


def test_jupyters_command_line_and_lists_of_configuration_files_are_read() -> None:
    line = KVArgParseConfigLoader(
        [
            "--NBTrack.source=on",
            "--NBTrack.local_port=9191",
            "--NBTrack.iglu=https://iglu.acme.com",
            "--NBTrack.cells=all",
        ]
    ).load_config()
    made = NBTrack(config=line)
    assert (made.source, made.local_port, made.iglu, made.cells) == (
        True,
        9191,
        ["https://iglu.acme.com"],
        "all",
    )
    assert (made.complaints, source_of(made, "cells")) == ([], "--NBTrack.cells")
    config = Config()
    config.NBTrack.iglu.append("https://iglu.acme.com")
    assert (NBTrack(config=config).iglu, NBTrack(config=config).complaints) == (["https://iglu.acme.com"], [])


def test_a_table_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool]\nnbtrack = "all"\n')
    (tmp_path / "etc.toml").write_text("locked = true\n")
    assert NBTrack().complaints == [
        f"locked ({tmp_path / 'etc.toml'}) is ignored: must be a table, such as [locked]",
        "tool.nbtrack (pyproject.toml) is ignored: must be a table, such as [tool.nbtrack]",
    ]


def test_no_address_is_shown_with_its_secrets() -> None:
    made = NBTrack(
        store="redis://:hush@r.acme.com:6379/0",
        iglu=["https://ann:hush@iglu.acme.com/api?apikey=hush"],
        page_url="https://ann:hush@hub.acme.com/{port}?token=hush",
    )
    assert "hush" not in f"{made} {made.describe()}"
    assert ("store", "'redis://…@r.acme.com:6379/0'", "argument") in made.describe()
