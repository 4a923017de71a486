"""The tables of the page *Event tracking*: one for each type of event, from its class and its docstring."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from nbtrack import tracker
from nbtrack.tracker import Event, agent, ecommerce, media, screens

CLASSES = (
    *(
        "PageView",
        "PagePing",
        "StructuredEvent",
        "SelfDescribing",
        "ScreenView",
        "LinkClick",
        "SiteSearch",
        "FormChange",
    ),
    *(
        "FormSubmit",
        "AddToCart",
        "RemoveFromCart",
        "Transaction",
        "TransactionItem",
        "Timing",
        "ApplicationError",
        "Event",
    ),
)
COMMON = {"event_subject", "context", "true_timestamp", "event_id", "device_timestamp", "common", "options"}
TYPED = (
    ("Ecommerce", ecommerce),
    ("Media", media),
    ("Screens and applications", screens),
    ("AI agents", agent),
)
_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+$|\Z)", re.DOTALL | re.MULTILINE)
_EXAMPLE = re.compile(r"^>>> .*(?:\n\.\.\. .*)*", re.MULTILINE)


def read_parameters(thing: Any) -> dict[str, tuple[str, str]]:
    """Return the type and the meaning of each parameter that a docstring describes."""
    section = _SECTION.search(inspect.getdoc(thing) or "")
    found: dict[str, tuple[str, str]] = {}
    names: list[str] = []
    for line in section[1].splitlines() if section else ():
        if line and not line.startswith(" "):
            left, _, kind = line.partition(" : ")
            names = [name.strip(" *") for name in left.split(",")]
            found |= dict.fromkeys(names, (kind.removesuffix(", optional"), ""))
        else:
            found |= {name: (found[name][0], f"{found[name][1]} {line.strip()}".strip()) for name in names}
    for name, (_, meaning) in found.items():
        if reference := re.fullmatch(r"See `(\w+)`\.", meaning):
            found[name] = read_parameters(getattr(tracker, reference[1])).get(name, found[name])
    return found


def read_example(name: str, thing: type[Event]) -> Iterator[str]:
    """Yield the lines of a docstring's example up to the one that creates the event."""
    for statement in _EXAMPLE.findall(inspect.getdoc(thing) or ""):
        code = re.sub(r"^(>>>|\.\.\.) ", "", statement, flags=re.MULTILINE)
        yield from re.sub(rf"^({name}\(.*\))\.[\w.]+(\(.*\))?$", r"\1", code, flags=re.DOTALL).splitlines()
        if f"{name}(" in code or f"{name}." in code:
            return


def write_class(name: str, thing: type[Event]) -> Iterator[str]:
    """Write what an event is, how it is sent, its arguments, and an example."""
    text = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("``", "`")
    yield from ("", f"### {name}", "", " ".join(text.splitlines()))
    described, arguments = read_parameters(thing), inspect.signature(thing.__init__).parameters
    own = [one for one in arguments if one not in COMMON | {"self"}]
    yield from ("", "| Argument | Type | Required | Sent as | Meaning |", "|---|---|---|---|---|")
    for argument in own:
        kind, meaning = described[argument]
        key = getattr(inspect.getattr_static(thing, argument, None), "key", "")
        required = "yes" if arguments[argument].default is inspect.Parameter.empty else ""
        kind, meaning = (part.replace("|", "\\|").replace("``", "`") for part in (kind, meaning))
        yield f"| `{argument}` | {kind} | {required} | {f'`{key}`' if key else ''} | {meaning} |"
    yield from ("", "```py", *read_example(name, thing), "```")


def write_typed(title: str, module: Any) -> Iterator[str]:
    """Write the classes of one module of typed events: what each is, its schema, and its arguments."""
    path = module.__name__.removeprefix("nbtrack.")
    yield from (
        "",
        f"### {title}",
        "",
        f"In `nbtrack.{path}`:",
        "",
        "| Class | Event | Arguments; `*` is required |",
        "|---|---|---|",
    )
    for name in sorted(vars(module)):
        thing = getattr(module, name)
        if inspect.isclass(thing) and issubclass(thing, Event) and thing.__module__ == module.__name__:
            first = (inspect.getdoc(thing) or "").splitlines()[0].rstrip(".")
            parameters = inspect.signature(thing.__init__).parameters
            arguments = ", ".join(
                f"`{one}`{'*' if parameter.default is inspect.Parameter.empty else ''}"
                for one, parameter in parameters.items()
                if one not in COMMON | {"self"}
            )
            yield f"| `{name}` | {first} | {arguments} |"


def write_events() -> Iterator[str]:
    """Write the tables of all types of events."""
    for name in CLASSES:
        yield from write_class(name, getattr(tracker, name))
    yield from ("", "## Snowplow's newer schemas")
    for title, module in TYPED:
        yield from write_typed(title, module)
