"""The header ``%%track …``: its syntax, and the input transformer that strips it from a cell.

Source of the transformer's rules: IPython runs cleanup transformers one to four times a cell, so this one is pure; a
comment in the header's place keeps the tracebacks' line numbers and shows what was there, but a cell magic below must come to stand first.
"""

import argparse
import re
from dataclasses import dataclass, field
from typing import NoReturn

from nbtrack.common.errors import NbtrackError
from nbtrack.common.wording import near_matches, plural

_HEADER = re.compile(r"%%track(?:[ \t]+(?P<options>.*?))?[ \t]*\n?\Z")
_CELL_MAGIC = re.compile(r"%%(?P<name>[A-Za-z]\w*)(?!\S*\?)")
_COMMENT_OR_BLANK = re.compile(r"[ \t]*(?:#.*)?\n?\Z")
# magics that run the rest of the cell as Python: a header below them works
_TRANSPARENT = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "pyinstrument"})

_OPTION = re.compile(r"--?[A-Za-z][A-Za-z-]{,14}")  # longer ones may hold anything, and are not shown

CHECK = "--check"
"""Given to ``%track`` in place of a header whose options are wrong: the mistake in what follows is reported."""
OPTIONS = ("-l", "--label", "-p", "--property", "-e", "--entity", "--source", "--no-source")
USAGE = "%%track [NAME] [-l LABEL] [-p key=value]... [-e entity_expression]... [--source | --no-source]"


class HeaderError(NbtrackError, ValueError):
    """A header's options are invalid; the message names them and lists the valid ones."""


@dataclass(frozen=True, slots=True)
class Header:
    """The parsed options of a ``%%track`` line.

    Parameters
    ----------
    name, label
        Name and label of the run; None if not passed.
    properties
        Pairs of name and expression, evaluated after the cell.
    entities
        Expressions, evaluated after the cell.
    source
        Whether the cell's source is sent; None for what the settings say.
    """

    name: str | None = None
    label: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    entities: tuple[str, ...] = field(default=())
    source: bool | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise HeaderError(message)


def _make_parser() -> _Parser:
    parser = _Parser(prog="%%track", add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("-l", "--label")
    parser.add_argument("-p", "--property", action="append", default=[])
    parser.add_argument("-e", "--entity", action="append", default=[])
    parser.add_argument("--source", action="store_true", default=None)
    parser.add_argument("--no-source", action="store_false", dest="source", default=None)
    return parser


_PARSER = _make_parser()


def split_words(line: str) -> list[str]:
    """Split a line as a shell does, but keep the quotes inside ``key="a b"`` and backslashes as they are.

    Raises
    ------
    HeaderError
        If a quote is not closed.
    """
    words: list[str] = []
    current, quote = "", ""
    depth = 0
    for character in line:
        if quote:
            current += character
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
            current += character
        elif character.isspace() and not depth:
            if current:
                words.append(current)
            current = ""
        else:
            depth = max(0, depth + (character in "([{") - (character in ")]}"))
            current += character
    if quote:
        raise HeaderError(f"the quote {quote} is not closed")
    return [*words, current] if current else words


def unquote(word: str) -> str:
    """Return a word without the quotes around it."""
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    return word


def split_property(word: str) -> tuple[str, str]:
    """Split ``key=expression``.

    Raises
    ------
    HeaderError
        If it has no ``=`` or no key.
    """
    key, equals, expression = unquote(word).partition("=")
    if not equals or not key.strip():
        raise HeaderError("a property is written key=value")
    return key.strip(), expression.strip()


def parse_header(options: str) -> Header:
    """Read what follows ``%%track`` on its line.

    Raises
    ------
    HeaderError
        With what is wrong and what is right.

    Examples
    --------
    >>> parse_header("load-flights -p source=nycflights13 -l 'first try'")
    Header(name='load-flights', label='first try', properties=(('source', 'nycflights13'),), entities=(), source=None)
    """
    words = split_words(options)
    for word in words:
        option = word.partition("=")[0]
        if (
            option.startswith("-")
            and len(option) > 1
            and option not in OPTIONS
            and option[:2] not in {"-l", "-p", "-e"}
        ):
            if not _OPTION.fullmatch(option):
                raise HeaderError(f"unknown option. Usage: {USAGE}")
            near = near_matches(option, OPTIONS, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise HeaderError(f"unknown option {option}; {hint}Usage: {USAGE}")
    try:
        parsed, extra = _PARSER.parse_known_args(words)
    except (HeaderError, argparse.ArgumentError) as error:
        raise HeaderError(f"{error}. Usage: {USAGE}") from None
    if extra:
        raise HeaderError(
            f"{plural(len(extra), 'word')} too many; a name, label or expression with blanks needs quotes, "
            f"as in -p 'n=len(df) + 1'. Usage: {USAGE}"
        )
    return Header(
        name=unquote(parsed.name) if parsed.name else None,
        label=unquote(parsed.label) if parsed.label else None,
        properties=tuple(split_property(word) for word in parsed.property),
        entities=tuple(unquote(word) for word in parsed.entity),
        source=parsed.source,
    )


def find_header(raw_cell: str) -> str | None:
    """Return the options of a cell's header, or None without a header.

    It is looked for below blank lines, comments and magics that run the cell as Python, such as ``%%time``.
    """
    if "%%track" not in raw_cell:
        return None
    lines = raw_cell.splitlines()
    # IPython takes the first line's indent off the whole cell
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    for indented in lines:
        line = indented.removeprefix(indent)
        if found := _HEADER.match(line):
            return found["options"] or ""
        if _COMMENT_OR_BLANK.match(line):
            continue
        magic = _CELL_MAGIC.match(line)
        if not (magic and magic["name"] in _TRANSPARENT):
            return None
    return None


def strip_header(lines: list[str]) -> list[str]:
    """Strip the header from a cell: an IPython cleanup transform.

    A header whose options are wrong becomes a call that reports it before the cell's own first line runs.

    Parameters
    ----------
    lines
        The cell's lines, each ending in a line feed.
    """
    if "%%track" not in "".join(lines):  # most cells
        return lines
    place = next((index for index, line in enumerate(lines) if not _COMMENT_OR_BLANK.match(line)), None)
    found = None if place is None else _HEADER.match(lines[place])
    if place is None or found is None:
        return lines
    options, rest = found["options"] or "", lines[place + 1 :]
    try:
        parse_header(options)
    except HeaderError:
        report = f"get_ipython().run_line_magic('track', {CHECK + ' ' + options!r})\n"
        return [*lines[:place], report, *rest]
    first = next((index for index, text in enumerate(rest) if not _COMMENT_OR_BLANK.match(text)), None)
    if first is not None and rest[first].startswith("%%"):
        return rest[first:]
    return [*lines[:place], f"# {lines[place].rstrip()}\n", *rest]
