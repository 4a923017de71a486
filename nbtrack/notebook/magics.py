"""The magics: ``%track``, ``%%track`` and ``%nbtrack``."""

import inspect
import math
import sys
from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand

from nbtrack.common.pyodide import IN_PYODIDE
from nbtrack.common.wording import near_matches, plural
from nbtrack.notebook import expressions, preview
from nbtrack.notebook.cells import CellRuns, report_left_out
from nbtrack.notebook.header import CHECK, HeaderError, parse_header, split_property, split_words, unquote
from nbtrack.runtime import Session, SettingError
from nbtrack.steps.tracking import send_analysis

CONTROL_WORDS = (
    "status",
    "on",
    "off",
    "pause",
    "resume",
    "flush",
    "preview",
    "config",
    "monitor",
    "log",
    "outbox",
    "activity",
    "collector",
    "doctor",
    "help",
)

_COMMAND_TIMEOUT = 60  # seconds


@magics_class
class NBTrackMagics(Magics):
    """What `%load_ext nbtrack` adds to IPython.

    Parameters
    ----------
    shell
        IPython's shell.
    session
        The running session.
    cells
        The watcher of cells, for previews.
    """

    def __init__(self, shell: Any, session: Session, cells: CellRuns) -> None:
        super().__init__(shell)
        self.session, self._cells = session, cells

    @no_var_expand
    @line_cell_magic
    def track(self, line: str, cell: str | None = None) -> Any:
        """Track this cell's run, or send one event now.

        ::

          %%track [NAME] [-l LABEL] [-p key=value]... [-e entity]... [--source | --no-source]

        as a cell's first line makes its run a ``cell_run`` event: status, duration, memory, magics, the class of an
        error. Source, messages and tracebacks are sent only if the settings allow it.

          NAME               what the run is called
          -l, --label LABEL  distinguishes runs of the same name
          -p key=value       a property; an expression such as rows=len(df) is evaluated after the cell, and one with
                             blanks needs quotes: -p 'n=len(df) + 1'. Numbers, strings, booleans and dates are sent,
                             short lists of these as one string, a DataFrame as its shape, other objects (dicts, too)
                             as the name of their class; None and NaN are left out
          -e expression      an entity: SelfDescribingJson, {"schema": …, "data": …}, or a DataFrame (its shape)
          --source           send this cell's source (secrets are masked)

        ::

          %track NAME key=expression ...

        sends one ``analysis`` event now.

        Examples
        --------
        ::

          %%track load-flights -p source=nycflights13 -p rows=len(flights)
          flights = pd.read_csv("flights.csv")

          %track report_published rows=1204 region="EU"
        """
        if cell is not None:
            return self._run_nested(line, cell)
        if line.startswith(CHECK):
            self._check_header(line.removeprefix(CHECK))
        else:
            self._send_event(line)
        return None

    @no_var_expand
    @line_magic
    def nbtrack(self, line: str) -> Any:
        """Inspect and control nbtrack.

        ::

          %nbtrack status              where events go, how many are pending, sent and failed
          %nbtrack on | off            track or not; while off, pending events are not sent either
          %nbtrack pause | resume      keep tracking, but hold events back
          %nbtrack flush [SECONDS]     send the pending events now, within 10 seconds by default
          %nbtrack preview [OPTIONS]   the exact payload of the last tracked cell, or of a header's OPTIONS
          %nbtrack config [NAME[=VALUE]]   the settings, their values and sources; or change one
          %nbtrack monitor             the live view
          %nbtrack log [N]             the last N requests
          %nbtrack activity [failed] [all] [NAME]   what ran, how long it took, what failed
          %nbtrack outbox              the pending events and dead letters of all sessions
          %nbtrack collector [local | URL]   the local collector's page; or send events elsewhere from now on
          %nbtrack doctor              check this installation
          %nbtrack help                this list

        Examples
        --------
        ::

          %nbtrack status
          %nbtrack config cells=all
          %nbtrack collector https://sp.acme.com
        """
        word, _, rest = line.strip().partition(" ")
        word = word or "status"
        if word not in CONTROL_WORDS:
            near = near_matches(word, CONTROL_WORDS, 1)
            hint = f"did you mean %nbtrack {near[0]}? " if near else ""
            raise UsageError(f"%nbtrack has no {word!r}; {hint}It has: {', '.join(CONTROL_WORDS)}.")
        if self.session.ended and word not in {"status", "help", "doctor", "outbox"}:
            raise UsageError("the nbtrack session has ended; nbtrack.start() begins another")
        command: Callable[[str], Any] = getattr(self, f"_{word}")
        try:
            return command(rest.strip())
        except (UsageError, KeyboardInterrupt):
            raise
        except SettingError as error:
            raise UsageError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - the user asked, and this is the answer
            raise UsageError(f"%nbtrack {word} failed: {error}") from None

    # -- %track

    def _run_nested(self, line: str, cell: str) -> None:
        """Run a cell given by another magic; IPython's own cells never come here, as the header is stripped."""
        self._check_header(line)
        result = self.shell.run_cell(f"%%track {line}\n{cell}")
        result.raise_error()

    def _check_header(self, options: str) -> None:
        """Report a wrong header; raise only if the settings ask for it, as the cell is the user's work."""
        try:
            parse_header(options)
        except HeaderError as error:
            if self.session.settings.header_errors == "stop":
                raise UsageError(f"%%track: {error}") from None
            if self.session.enabled:
                sys.stderr.write(f"%%track: the cell runs, but its header is ignored: {error}\n")

    def _send_event(self, line: str) -> None:
        try:
            words = split_words(line)
            if not words:
                raise UsageError("%track takes a name and key=expression pairs; %track? shows examples")
            name, pairs = unquote(words[0]), [split_property(word) for word in words[1:]]
        except HeaderError as error:
            raise UsageError(f"%track: {error}") from None
        if name in CONTROL_WORDS:
            raise UsageError(f"%track sends an event; did you mean %nbtrack {name}?")
        if "=" in name:
            raise UsageError("%track: the event's name comes first, before its properties")
        properties: list[tuple[str, Any]] = []
        left_out: list[str] = []
        for key, text in pairs:
            try:
                properties.append((key, expressions.evaluate_property(text, self.shell.user_ns)))
            except BaseException as error:  # noqa: BLE001 - the user's expression may raise anything
                left_out.append(f"property {key} ({type(error).__name__})")
        if left_out:
            report_left_out("%track", left_out)
        send_analysis(name, properties, [])

    # -- %nbtrack

    def _status(self, _: str) -> None:
        print(preview.show_status(self.session))

    def _on(self, _: str) -> None:
        if self.session.turn_on():
            print("nbtrack is on.")
        else:
            print(f"nbtrack stays off: {self.session.why_off}.")

    def _off(self, _: str) -> None:
        self.session.turn_off()
        print(
            "nbtrack is off: cells, magics and steps send nothing, and pending events stay stored. %nbtrack on ends this."
        )

    def _pause(self, _: str) -> None:
        self.session.emitter.pause()
        print("nbtrack holds events back; %nbtrack resume sends them.")

    def _resume(self, _: str) -> None:
        if not self.session.enabled:
            raise UsageError(f"nbtrack is off ({self.session.why_off}); %nbtrack on comes first")
        self.session.emitter.resume()
        print("nbtrack sends events again.")

    def _flush(self, seconds: str) -> None:
        try:
            timeout = float(seconds or 10)
        except ValueError:
            timeout = math.nan
        if not 0 <= timeout < math.inf:
            raise UsageError(f"%nbtrack flush takes a number of seconds, such as 10, got {seconds!r}")
        report = self.session.flush(timeout)
        if report is None:
            print(f"nbtrack is off ({self.session.why_off}); nothing was sent.")
            return
        done = (
            f"sent {plural(report.sent, 'event')} in {report.elapsed:.1f} s"
            if report.sent
            else f"{self.session.sent:,} sent this session"
        )
        error = self.session.emitter.stats().last_error
        if report.pending:
            if IN_PYODIDE and not error:
                error = "they leave when this cell has ended"
            left = f"{report.pending:,} pending" + (f" ({error})" if error else "")
        else:
            left = "nothing pending"
        dead = f"; {report.dead:,} refused for good: nbtrack outbox list shows them" if report.dead else ""
        print(f"{left}; {done}{dead}.")

    def _preview(self, code: str) -> None:
        print(preview.show_preview(self.session, self._cells, self.shell, code))

    def _config(self, change: str) -> None:
        settings = self.session.settings
        if not change:
            print(preview.show_settings(settings))
            return
        name, equals, text = (part.strip() for part in change.partition("=" if "=" in change else " "))
        if name not in settings.names():
            near = near_matches(name, settings.names(), 1)
            raise UsageError(
                f"nbtrack has no setting {name!r}. "
                + (f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(settings.names())}.")
            )
        if not (text or equals):
            print(preview.show_settings(settings, name))
            return
        settings.assign(name, unquote(text))
        print(preview.show_settings(settings, name))

    def _monitor(self, _: str) -> Any:
        from nbtrack.widget import make_monitor  # noqa: PLC0415 - ipywidgets are loaded with the first monitor

        return make_monitor(self.session)

    def _log(self, number: str) -> None:
        if not (number or "10").isdecimal() or number == "0":
            raise UsageError(f"%nbtrack log takes a number of requests, such as 10, got {number!r}")
        print(preview.show_log(self.session, int(number or 10)))

    def _outbox(self, _: str) -> None:
        _run_command("outbox", "list")

    def _doctor(self, _: str) -> None:
        _run_command("doctor")

    def _help(self, _: str) -> None:
        print(str(inspect.getdoc(type(self).nbtrack)).replace("::\n\n", ""))

    def _activity(self, words: str) -> Any:
        from nbtrack.runtime.activities import make_activity  # noqa: PLC0415 - loaded when asked for

        chosen = split_words(words)
        control = set(chosen[:2]) & {"failed", "all"}
        names = [unquote(word) for word in chosen if word not in control]
        if len(names) > 1:
            raise UsageError('%nbtrack activity takes one name; quote it if it has blanks: "fit model"')
        return make_activity(
            self.session,
            failed=True if "failed" in control else None,
            name=names[0] if names else None,
            sessions="all" if "all" in control else "this",
        )

    def _collector(self, target: str) -> None:
        session = self.session
        if target:
            session.settings.collector = unquote(target)
            print(session.describe())
            return
        client = session.collector
        if client is None:
            print(f"Events go to {session.destination}; the local collector is not used.")
            return
        page = session.open_page()
        if page is not None:
            print(preview.show_page(page, client.token))


def _run_command(*arguments: str) -> None:
    """Print the answer of a command of the command line, which runs in a process of its own as in a terminal."""
    if IN_PYODIDE:
        raise UsageError(
            f"nbtrack {' '.join(arguments)} needs a process of its own, which Pyodide does not have"
        )
    import subprocess  # noqa: PLC0415 - only where a command is asked for

    command = [sys.executable, "-m", "nbtrack", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT, check=False)  # noqa: S603 - our own words
    if ran.stderr:
        raise UsageError(ran.stderr.strip().removeprefix("Error: "))
    print(ran.stdout.rstrip())
