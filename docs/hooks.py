"""What the site is made of beside its pages: the tutorials, and the pages that the code itself writes.

Nothing generated is committed. The tutorials are run while the site is built, so that their outputs are never stale.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import click
import nbformat
from events_tables import write_events
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient

from nbtrack import protocol
from nbtrack.cli import main
from nbtrack.collector import shared_collector
from nbtrack.notebook.magics import NBTrackMagics
from nbtrack.runtime import NBTrack

ROOT = Path(__file__).parents[1]
IGLU = ROOT / "nbtrack" / "schemas" / "iglu"
WIDGET = "application/vnd.jupyter.widget-view+json"
_KINDS = {
    "Bool": "bool",
    "Dict": "dict",
    "Float": "float",
    "Callable": "function",
    "Int": "int",
    "List": "list of str",
    "Unicode": "str",
}
_homes: list[str] = []
_FLOW = re.compile(r"^```flow\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
_MESSAGE = re.compile(r"^\| (.+?) \| (.+) \|$")
_DIV = re.compile(r"<div\b|</div>")
# what the notebooks' template loads from another host, for widgets that the site does not show alive
_WIDGET_LOADER = re.compile(r"<script>(?:(?!</script>).)*addWidgetsRenderer.*?</script>", re.DOTALL)
_FOREIGN = re.compile(
    r"<(?:script|img|iframe)[^>]+src=\"https?://|<link[^>]+rel=\"stylesheet\"[^>]+href=\"https?://|unpkg\.com"
)


def on_config(config: Any, **_: Any) -> None:
    """Offer links to edit pages only where the repository's URL is configured."""
    if config.repo_url:
        config.edit_uri = "edit/main/docs/pages/"


def on_startup(**_: Any) -> None:
    """Give the tutorials a home of their own."""
    _homes.append(tempfile.mkdtemp(prefix="nbtrack-docs-"))
    os.environ["NBTRACK_HOME"] = _homes[0]
    os.environ.pop("DO_NOT_TRACK", None)


def on_shutdown(**_: Any) -> None:
    """End the tutorials' collector and take their home away."""
    for home in _homes:
        shared_collector.stop(Path(home))
        shutil.rmtree(home, ignore_errors=True)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Draw the flows of a page, and add the last measured numbers to theirs."""
    markdown = _FLOW.sub(lambda fence: draw_flow(fence[1]), markdown)
    if page.file.src_uri.startswith("messages/"):
        return split_messages(markdown)
    if page.file.src_uri == "reference/events.md":
        return "\n".join([markdown, *write_events()])
    if page.file.src_uri != "performance.md":
        return markdown
    return "\n".join([markdown, *write_benchmarks(ROOT / "docs" / "benchmarks.json")])


def split_messages(markdown: str) -> str:
    """Return a page of messages with a heading for each one, so that search ranks and opens the message itself."""
    lines = []
    for line in markdown.splitlines():
        if not line.startswith("|"):
            lines.append(line)
        elif (row := _MESSAGE.match(line)) and not row[1].startswith("---") and row[2] != "Message":
            lines += [f"### {row[2]}", "", f"Cause: {row[1]}.", ""]
    return "\n".join(lines)


def draw_flow(text: str) -> str:
    """Return a drawing of ``Title: step > step > …``: a box for each step in rows, an arrow between them."""
    title, _, steps = text.strip().partition(": ")
    names = [step.strip() for step in steps.split(">")]
    width, height, gap, columns = 240, 34, 26, 3
    rows = -(-len(names) // columns)
    shapes = []
    for index, name in enumerate(names):
        row, column = divmod(index, columns)
        # every other row runs from right to left, so that an arrow down is short
        left = (columns - 1 - column if row % 2 else column) * (width + gap) + 1
        top = row * (height + gap) + 1
        shapes.append(
            f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="5" fill="none" stroke="currentColor" '
            f'stroke-opacity=".45"/><text x="{left + width / 2}" y="{top + 22}" text-anchor="middle">{escape(name)}</text>'
        )
        if index + 1 == len(names):
            continue
        if column + 1 == columns:
            x, y, turn = left + width / 2, top + height + gap - 5, 90
        else:
            x, y, turn = (
                (left - gap + 5, top + height / 2, 180)
                if row % 2
                else (left + width + gap - 5, top + height / 2, 0)
            )
        shapes.append(
            f'<path d="M{5 - gap + 3},0 H-1 M-7,-5 L0,0 L-7,5" fill="none" stroke="currentColor" '
            f'transform="translate({x} {y}) rotate({turn})"/>'
        )
    box = f"0 0 {columns * (width + gap) - gap + 2} {rows * (height + gap) - gap + 2}"
    # on a phone it is scrolled, and stays readable
    style = (
        "max-width:100%;min-width:36em;font:11.5px var(--md-code-font-family, monospace);fill:currentColor"
    )
    return (
        f'<figure style="text-align:left;margin:1em 0;max-width:100%;overflow-x:auto"><figcaption style="margin:0 0 .4em;font-style:normal"><b>'
        f"{escape(title)}</b></figcaption>"
        f'<svg viewBox="{box}" width="{box.split()[2]}" role="img" aria-label="{escape(title)}: {escape(", ".join(names))}" '
        f'style="{style}">{"".join(shapes)}</svg></figure>'
    )


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Take out what would ask another host, and collapse the checks that end a tutorial."""
    html = _WIDGET_LOADER.sub("", html)
    return collapse_check(html) if page.file.src_uri.startswith("notebooks/") else html


def collapse_check(html: str) -> str:
    """Return a tutorial's page with the source of its last cell, which checks the others, behind a line to open it."""
    cell = html.rindex('id="cell-id=cell-')
    begin = html.index('<div class="jp-Cell-inputWrapper"', cell)
    depth = 0
    for tag in _DIV.finditer(html, begin):
        depth += -1 if tag[0] == "</div>" else 1
        if not depth:
            source = html[begin : tag.end()]
            return f'{html[:begin]}<details class="nb-check"><summary>Checks of this tutorial</summary>{source}</details>{html[tag.end() :]}'
    raise PluginError("the last cell of a tutorial has no end")


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse a page that would ask another host."""
    if found := _FOREIGN.search(output):
        raise PluginError(f"{page.file.src_uri} asks another host: {found[0]}")
    return output


@event_priority(100)  # before the plugin that turns notebooks into pages looks at the files
def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the tutorials, the pictures, and the pages that the code writes."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        name = run_tutorial(path, Path(_homes[0]))
        files.append(File(name, _homes[0], config.site_dir, config.use_directory_urls))
    for path in sorted((ROOT / "docs" / "images").glob("*.png")):
        files.append(File.generated(config, f"images/{path.name}", abs_src_path=str(path)))
    files.append(File.generated(config, "changelog.md", abs_src_path=str(ROOT / "CHANGELOG.md")))
    for name, lines in (
        ("protocol", write_protocol()),
        ("schemas", write_schemas()),
        ("settings", write_settings()),
        ("command-line", write_command_line()),
        ("magics", write_magics()),
    ):
        files.append(File.generated(config, f"reference/{name}.md", content="\n".join(lines) + "\n"))
    return files


def run_tutorial(path: Path, folder: Path) -> str:
    """Run a tutorial and write it, with its outputs, below a folder; give its name there.

    Widgets are shown in their still form, progress bars not at all.
    """
    book = nbformat.read(path, as_version=4)
    NotebookClient(
        book, timeout=120, store_widget_state=False, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    for cell in book.cells:
        cell.metadata.pop("tags", None)  # those of the tests: a page would show them
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = output["text"].replace(str(folder), "~/.local/state/nbtrack")
            if output.get("data", {}).pop(WIDGET, None) and "text/html" not in output["data"]:
                output["data"].clear()
        kept = [o for o in cell.get("outputs", []) if o.get("name") != "stderr" and o.get("data", True)]
        if cell.cell_type == "code":
            cell.outputs = kept
    name = f"{path.parent.name}/{path.name}"
    (folder / name).parent.mkdir(exist_ok=True)
    nbformat.write(book, folder / name)
    return name


def write_protocol() -> Iterator[str]:
    """Write the table of the tracker protocol."""
    yield from (
        "# Protocol",
        "",
        (
            "Every key that a payload may hold, in the order of the schema "
            f"`{protocol.PAYLOAD_DATA}`. The tracker, the local collector and the encoder of a backfill all read this one table."
        ),
        "",
        f"Events are sent by `POST {protocol.POST_PATH}` or `GET {protocol.GET_PATH}`.",
        "",
        "| Key | Column | Kind | Length | Events | Meaning |",
        "|---|---|---|---|---|---|",
    )
    for field in protocol.FIELDS.values():
        columns = ", ".join(f"`{name}`" for name in (field.column or "").split(",") if name)
        events = ", ".join(protocol.EVENT_NAMES.get(event, event) for event in field.events) or "all"
        yield f"| `{field.key}` | {columns} | {field.kind} | {field.max_length or ''} | {events} | {field.meaning} |"
    yield from ("", "## Types of events", "", "| `e` | Event |", "|---|---|")
    yield from (f"| `{key}` | {name} |" for key, name in protocol.EVENT_NAMES.items())
    yield from ("", "## Platforms", "", ", ".join(f"`{name}`" for name in sorted(protocol.PLATFORMS)))


def write_schemas() -> Iterator[str]:
    """Write the properties of nbtrack's own schemas, and the list of all that are built in."""
    yield from (
        "# Schemas",
        "",
        (
            "What nbtrack's own events and entities hold. A pipeline that shall accept them needs these schemas in its Iglu "
            "registry: they are in the folder `nbtrack/schemas/iglu/io.github.nbtrack`, in Iglu's layout."
        ),
    )
    for path in sorted((IGLU / protocol.OWN_VENDOR).glob("*/jsonschema/*")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        yield from (
            "",
            f"## {path.parts[-3]} {path.name}",
            "",
            f"`{_uri(path)}`",
            "",
            schema["description"],
            "",
        )
        yield from ("| Property | Type | Required | Meaning |", "|---|---|---|---|")
        for name, rule in schema["properties"].items():
            required = "yes" if name in schema.get("required", ()) else ""
            yield f"| `{name}` | {_type(rule)} | {required} | {rule.get('description', '')} |"
    yield from (
        "",
        "## Built in",
        "",
        "The local collector and the registry know these without any folder or server:",
        "",
    )
    yield from (f"- `{_uri(path)}`" for path in sorted(IGLU.glob("*/*/*/*")))


def write_settings() -> Iterator[str]:
    """Write each setting with its default and the environment variable that sets it."""
    yield from (
        "# Settings",
        "",
        "A session's settings come from several places. The strongest that names a setting wins:",
        "",
        "1. the table `[locked]` of a system-wide `nbtrack.toml`",
        "2. `%config NBTrack.name = value` and `%nbtrack config name=value`",
        "3. arguments of `nbtrack.start`",
        "4. environment variables `NBTRACK_NAME`",
        "5. `[tool.nbtrack]` in the nearest `pyproject.toml` upwards",
        "6. `c.NBTrack.name` in the configuration files of IPython and Jupyter, or `--NBTrack.name=value` on their command lines",
        "7. the system-wide `nbtrack.toml`, in `/etc/nbtrack` or in `etc/nbtrack` of the environment",
        "8. the default",
        "",
        "`%nbtrack config` shows each value and where it came from.",
        "",
        "The variable of a setting is `NBTRACK_` and its name in capitals, such as `NBTRACK_APP_ID`.",
        "",
        "| Setting | Default | Kind | Meaning |",
        "|---|---|---|---|",
    )
    for name, trait in sorted(NBTrack.class_traits(config=True).items()):
        kind = (
            "one of " + ", ".join(f"`{value}`" for value in trait.values) if hasattr(trait, "values") else ""
        )
        kind = kind or next(_KINDS[one.__name__] for one in type(trait).__mro__ if one.__name__ in _KINDS)
        default = trait.default() if callable(getattr(trait, "default", None)) else trait.default_value
        yield f"| `{name}` | `{default!r}` | {kind} | {trait.help} |"
    yield from (
        "",
        "Variables that are no settings:",
        "",
        "| Variable | Meaning |",
        "|---|---|",
        "| `NBTRACK_HOME` | Folder of the outbox and of the local collector's database; by default the user state directory of the platform. |",
        "| `NBTRACK_DISABLED` | Set to anything but empty or 0: nothing is tracked, and a backfill raises. |",
        "| `DO_NOT_TRACK` | Set to anything but empty or 0: cells, magics and steps send nothing. |",
    )


def write_command_line() -> Iterator[str]:
    """Write the help of every command."""
    yield from ("# Command line", "")
    context = click.Context(main, info_name="nbtrack")
    yield from ("```text", main.get_help(context), "```")
    yield from _write_commands(main, context)


def _write_commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        inner = click.Context(command, info_name=name, parent=context)
        yield from ("", f"## {inner.command_path}", "", "```text", command.get_help(inner), "```")
        if isinstance(command, click.Group):
            yield from _write_commands(command, inner)


def write_benchmarks(path: Path) -> Iterator[str]:
    """Write the tables that ``python -m tests.bench --write`` kept."""
    if not path.exists():
        yield "No numbers are kept here yet: `python -m tests.bench --write` does it."
        return
    kept = json.loads(path.read_text(encoding="utf-8"))
    yield from ("", "## Figures", "", f"Measured on {kept['machine']}:")
    for part, figures in kept["parts"].items():
        yield from ("", f"### {part.capitalize()}", "", "| Figure | Value |", "|---|---:|")
        for name, value in figures.items():
            digits = 3 if abs(value) < 1_000 else 0  # noqa: PLR2004 - four digits are enough to compare
            yield f"| {name} | {value:,.{digits}f} |"


def write_magics() -> Iterator[str]:
    """Write the help of the magics."""
    yield from (
        "# Magics",
        "",
        "They exist after `%load_ext nbtrack`; `%track?` and `%nbtrack?` show the same text.",
    )
    for title, magic in (("%track and %%track", NBTrackMagics.track), ("%nbtrack", NBTrackMagics.nbtrack)):
        yield from ("", f"## {title}", "")
        code = False
        for line in _dedent(magic.__doc__ or ""):
            if line == "::":
                continue
            if line.startswith("  ") and not code:
                yield "```text"
            elif line and not line.startswith("  ") and code:
                yield from ("```", "")
            code = line.startswith("  ") or (code and not line)
            if line.startswith("---"):
                continue
            yield f"**{line}**" if line == "Examples" else line
        if code:
            yield "```"


def _dedent(docstring: str) -> list[str]:
    first, *rest = docstring.expandtabs().splitlines()
    return [first.strip(), *(line.removeprefix(" " * 8).rstrip() for line in rest)]


def _uri(path: Path) -> str:
    return "iglu:" + "/".join(path.parts[-4:])


def _type(rule: dict[str, Any]) -> str:
    if "enum" in rule:
        return ", ".join(f"`{value}`" for value in rule["enum"] if value is not None)
    kinds = rule.get("type", "")
    text = " or ".join(kinds) if isinstance(kinds, list) else kinds
    bounds = [
        f"{word} {rule[key]}"
        for key, word in (("maxLength", "at most"), ("minimum", "from"), ("maximum", "to"))
        if key in rule
    ]
    return ", ".join([text, *bounds])
