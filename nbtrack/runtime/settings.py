"""Settings: one traitlets class, read from several sources; each value knows its source, and a platform can lock some."""

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traitlets import TraitError, Unicode
from traitlets.config import Config, Configurable
from traitlets.config.loader import DeferredConfig, LazyConfigValue

from nbtrack.common.arguments import is_http_url
from nbtrack.common.errors import NbtrackError
from nbtrack.common.wording import hide_credentials, near_matches, strip_credentials
from nbtrack.delivery.http.urls import split_credentials
from nbtrack.runtime.traits import (
    Choice,
    CollectorAddress,
    Function,
    IgluPlaces,
    Name,
    Number,
    PageTemplate,
    SecretHeaders,
    StorePlace,
    String,
    Switch,
)

_ENVIRONMENT = "NBTRACK_"
# variables that are no settings: the home, the opt-out, and what the tests read
_RESERVED = frozenset({"HOME", "DISABLED", "REQUIRE", "LONG"})
_SECRET = frozenset({"headers"})
_ADDRESSES = frozenset({"collector", "store", "iglu", "page_url"})
_LONGEST_VALUE = 200


class SettingError(NbtrackError, TraitError, ValueError, TypeError):
    """A setting's name or value is wrong, or a system-wide file locks it.

    Examples
    --------
    >>> NBTrack(cells="some")
    Traceback (most recent call last):
    nbtrack.runtime.SettingError: cells = 'some' (argument) is invalid: ...
    """


class NBTrack(Configurable):
    """The settings of an nbtrack session.

    Sources, strongest first: the system-wide file's locks, ``%config NBTrack.x = …``, arguments of
    ``nbtrack.start``, environment variables ``NBTRACK_X``, ``[tool.nbtrack]`` in ``pyproject.toml`` (the nearest one
    upwards), Jupyter's and IPython's configuration files (``c.NBTrack.x``), the system-wide file's defaults, and
    the defaults here.

    Parameters
    ----------
    config : traitlets.config.Config, optional
        A traitlets configuration, as IPython and Jupyter hand it to their parts.
    **arguments
        Settings by name.

    Raises
    ------
    SettingError
        For an unknown name (with the nearest right one) or a value of the wrong kind.

    Examples
    --------
    >>> NBTrack(cells="all").cells
    'all'
    >>> NBTrack(cell="all")
    Traceback (most recent call last):
    nbtrack.runtime.SettingError: nbtrack has no setting 'cell' (argument). Did you mean 'cells'?
    """

    collector = CollectorAddress(
        "local",
        help="Where events go: 'local' (this machine's collector) or the URL of a company's collector.",
    ).tag(config=True)
    app_id = String("notebook", help="The application id of every event.").tag(config=True)
    namespace = Name("nbtrack", help="The tracker's namespace.").tag(config=True)
    user_id = String(None, allow_none=True, help="User id of every event; none is sent if unset.").tag(
        config=True
    )
    cells = Choice(
        ("marked", "all", "off"),
        default_value="marked",
        help="Which cells become cell_run events: those with %%track, all, or none.",
    ).tag(config=True)
    quiet = Switch(False, help="Print nothing at load and at exit.").tag(config=True)
    notebook = String(
        None, allow_none=True, help="The notebook's name or path, if the front end does not provide it."
    ).tag(config=True)
    notebook_name = Choice(
        ("hash", "name", "none"),
        default_value="hash",
        help="How events name the notebook: a salted hash, the file's name, or not at all.",
    ).tag(config=True)
    header_errors = Choice(
        ("report", "stop"),
        default_value="report",
        help="A wrong %%track header: report it and run the cell, or stop the cell.",
    ).tag(config=True)
    source = Switch(False, help="Send the source of tracked cells (redacted).").tag(config=True)
    error_messages = Switch(False, help="Send messages of exceptions (redacted).").tag(config=True)
    tracebacks = Switch(False, help="Send tracebacks of exceptions (redacted).").tag(config=True)
    redact = Function(
        None,
        allow_none=True,
        help="A function (str) -> str applied to all source and error text that is sent.",
    ).tag(config=True)
    store = StorePlace(
        "disk", help="Where events wait: 'disk' (survives kills), 'memory', or a redis:// URL."
    ).tag(config=True)
    validate = Choice(
        ("off", "warn", "raise"),
        default_value="off",
        help="Check events against their schemas when they are tracked.",
    ).tag(config=True)
    tracking_plan = String(
        None,
        allow_none=True,
        help="Folder of a tracking plan whose event specifications are checked, too; needs validate 'warn' or 'raise'.",
    ).tag(config=True)
    iglu = IgluPlaces(
        Unicode(), help="Folders (in Iglu layout) and URLs of Iglu servers with your schemas."
    ).tag(config=True)
    headers = SecretHeaders(
        help="Extra HTTP headers for the company's collector, such as Authorization. Never stored, shown or logged."
    ).tag(config=True)
    request_timeout = Number(15, min=1, max=300, help="Seconds the collector has for an answer.").tag(
        config=True
    )
    local_port = Number(9090, min=0, max=65535, help="The local collector's port, taken if it is free.").tag(
        config=True
    )
    page_url = PageTemplate(
        None,
        allow_none=True,
        help="URL of the local collector's page for browsers, if the Jupyter server does not provide it: "
        "{port} is the collector's port, {NAME} an environment variable.",
    ).tag(config=True)
    base64 = Switch(
        True, help="Encode self-describing data and entities in base64, as Snowplow's trackers do."
    ).tag(config=True)

    def __init__(self, *, config: Config | None = None, **arguments: Any) -> None:
        self.sources: dict[str, str] = {}
        self.complaints: list[str] = []
        self._locks: dict[str, str] = {}
        self._filling = True
        super().__init__()
        names = self.names()
        for name in arguments:
            self._check_name(name, "argument")
        locked = self._fill_from_files(config or Config())
        self._fill_from_environment(names)
        for name, value in arguments.items():
            self._fill(name, value, "argument")
        for name, (value, source) in locked.items():
            self._fill(name, value, f"{source} (locked)")
            self._locks[name] = source
        self._complain_of_folders()
        self._register_validator(self._refuse_locked, tuple(names))
        self.observe(self._note_config, names=names)
        self._filling = False

    def __setattr__(self, name: str, value: Any) -> None:
        # a misspelt setting would be one more attribute that nothing reads
        if (
            not name.startswith("_")
            and name not in {"sources", "complaints"}
            and not hasattr(type(self), name)
        ):
            self._check_name(name, "attribute")
        try:
            super().__setattr__(name, value)
        except SettingError:  # it is locked, and says so
            raise
        except TraitError as error:
            raise SettingError(f"{name} = {_show_value(name, value)} is invalid: {error}") from None

    def __repr__(self) -> str:
        changed = [f"{name}={value}" for name, value, source in self.describe() if source != "default"]
        return f"<nbtrack settings: {', '.join(changed) or 'all default'}>"

    @classmethod
    def names(cls) -> list[str]:
        """List the settings' names."""
        return sorted(cls.class_trait_names(config=True))

    def describe(self) -> list[tuple[str, str, str]]:
        """List each setting's name, value as text, and source. Secrets are masked."""
        return [(name, self._show(name), self.sources.get(name, "default")) for name in self.names()]

    def explain_lock(self, name: str) -> str | None:
        """Return the sentence about a setting that a system-wide file locks; None if it is not locked."""
        if name not in self._locks:
            return None
        return (
            f"{name} is locked at {self._show(name)} by {self._locks[name]}; ask whoever runs this platform"
        )

    def find_target(self) -> tuple[str, dict[str, str]]:
        """Return the URL of the company's collector without credentials, and the headers of requests to it."""
        if self.collector == "local":
            return self.collector, {}
        url, headers = split_credentials(self.collector)
        return url, {**headers, **self.headers}

    def _show(self, name: str) -> str:
        value = getattr(self, name)
        if name in _SECRET:
            return "{" + ", ".join(f"{key}: …" for key in value) + "}"
        if name == "collector":
            return strip_credentials(value)
        return _show_value(name, value)

    def _fill_from_files(self, config: Config) -> dict[str, tuple[Any, str]]:
        """Fill from the weakest file to the strongest; give what the system-wide ones lock."""
        locked: dict[str, tuple[Any, str]] = {}
        for path in reversed(system_files()):  # the first file is the strongest
            table = self._read_toml(path)
            locks = self._check_table(table.pop("locked", {}), "locked", str(path))
            self._fill_table(table, str(path))
            locked |= {
                name: (locks[name], str(path))
                for name in locks
                if self._check_name(name, str(path), complain=True)
            }
        self._fill_from_config(config.get(type(self).__name__, {}))
        if project := _find_upwards("pyproject.toml"):
            source = os.path.relpath(project)  # which of several, without the home's name
            tools = self._check_table(self._read_toml(project).get("tool", {}), "tool", source)
            self._fill_table(self._check_table(tools.get("nbtrack", {}), "tool.nbtrack", source), source)
        return locked

    def _fill_from_config(self, table: Mapping[str, Any]) -> None:
        """Fill from Jupyter's and IPython's configuration: their files, and ``--NBTrack.x=…`` on their command lines."""
        for name, value in table.items():
            is_typed = isinstance(value, DeferredConfig)
            source = f"--NBTrack.{name}" if is_typed else "configuration file"
            if not self._check_name(name, source, complain=True):
                continue
            try:
                if is_typed:
                    value = value.get_value(self.traits()[name])  # noqa: PLW2901 - the text as the setting reads it
                elif isinstance(value, LazyConfigValue):  # c.NBTrack.iglu.append(…)
                    value = value.get_value(getattr(self, name))  # noqa: PLW2901 - the same
            except ValueError:
                self._complain_of_value(name, value, source, TraitError("must be given once"))
            else:
                self._fill(name, value, source, complain=True)

    def _fill_table(self, table: Mapping[str, Any], source: str) -> None:
        for name, value in table.items():
            if self._check_name(name, source, complain=True):
                self._fill(name, value, source, complain=True)

    def _check_table(self, table: Any, name: str, source: str) -> dict[str, Any]:
        """Return a table of a file; anything else is noted, and counts as an empty one."""
        if isinstance(table, dict):
            return table
        self.complaints.append(f"{name} ({source}) is ignored: must be a table, such as [{name}]")
        return {}

    def _fill_from_environment(self, names: list[str]) -> None:
        for variable, text in os.environ.items():
            name = variable.removeprefix(_ENVIRONMENT)
            if name == variable or name in _RESERVED:
                continue
            name = name.lower()
            if name not in names:
                self._check_name(name, variable, complain=True)
                continue
            try:
                value = self._parse(name, text)
            except TraitError as error:
                self._complain_of_value(name, text, variable, error)
            else:
                self._fill(name, value, variable, complain=True)

    def assign(self, name: str, text: str) -> None:
        """Set a setting from its text form, as environment variables and ``%nbtrack config`` have it.

        Raises
        ------
        SettingError
            If the text is not that of a valid value, or a system-wide file locks the setting.
        """
        try:
            value = self._parse(name, text)
        except TraitError as error:
            raise SettingError(f"{name} = {_show_value(name, text)} is invalid: {error}") from None
        setattr(self, name, value)

    def _parse(self, name: str, text: str) -> Any:
        try:
            return self.traits()[name].from_string(text)
        except (ValueError, TypeError) as error:
            raise TraitError(str(error)) from None

    def _complain_of_folders(self) -> None:
        """Note missing folders: not an error, they may be created later."""
        plan = self.tracking_plan
        if plan is not None and not Path(plan).exists():
            self.complaints.append(
                f"tracking_plan ({self.sources['tracking_plan']}): no such file or folder: {plan!r} ({Path(plan).absolute()})"
            )
        elif plan is not None and self.validate == "off":
            self.complaints.append("tracking_plan is checked with validate = 'warn' or 'raise' only")
        for place in self.iglu:
            if not is_http_url(place) and not Path(place).is_dir():
                self.complaints.append(
                    f"iglu ({self.sources['iglu']}): no such folder: {place!r} ({Path(place).absolute()})"
                )

    def _read_toml(self, path: Path) -> dict[str, Any]:
        try:
            with path.open("rb") as file:
                return tomllib.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self.complaints.append(f"{path.name} is ignored: {error}")
            return {}

    def _check_name(self, name: str, source: str, *, complain: bool = False) -> bool:
        names = self.names()
        if name in names:
            return True
        near = near_matches(name, names, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}."
        text = f"nbtrack has no setting {name!r} ({source}). {hint}"
        if not complain:
            raise SettingError(text)
        self.complaints.append(text)
        return False

    def _fill(self, name: str, value: Any, source: str, *, complain: bool = False) -> None:
        try:
            super().__setattr__(name, value)
        except TraitError as error:
            if not complain:
                shown = _show_value(name, value)
                raise SettingError(f"{name} = {shown} ({source}) is invalid: {error}") from None
            self._complain_of_value(name, value, source, error)
        else:
            self.sources[name] = source

    def _complain_of_value(self, name: str, value: Any, source: str, error: TraitError) -> None:
        self.complaints.append(f"{name} = {_show_value(name, value)} ({source}) is ignored: {error}")

    def _refuse_locked(self, _: Any, proposal: Mapping[str, Any]) -> Any:
        if locked := self.explain_lock(proposal["trait"].name):
            raise SettingError(f"{locked}.")
        return proposal["value"]

    def _note_config(self, change: Mapping[str, Any]) -> None:
        if not self._filling:
            self.sources[change["name"]] = "%config"


def _show_value(name: str, value: Any) -> str:
    """Return a value for people, without secrets."""
    if name in _SECRET:
        return "…"
    shown = hide_credentials(repr(value)) if name in _ADDRESSES else repr(value)
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}…"


def system_files() -> list[Path]:
    """List the system-wide files that may set and lock settings, the strongest first."""
    if os.name == "posix":
        site = Path("/etc/nbtrack")
    else:
        import platformdirs  # noqa: PLC0415 - slow to load

        site = Path(platformdirs.site_config_dir("nbtrack", appauthor=False))
    return [folder / "nbtrack.toml" for folder in (site, Path(sys.prefix) / "etc" / "nbtrack")]


def _find_upwards(name: str) -> Path | None:
    try:
        here = Path.cwd()
    except OSError:
        return None
    return next((folder / name for folder in (here, *here.parents) if (folder / name).is_file()), None)
