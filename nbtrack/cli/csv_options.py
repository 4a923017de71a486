"""The dialect of CSV files on the command line."""

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = {
    "delimiter": click.option(
        "--delimiter", default=None, help="CSV: sign between fields; a comma by default."
    ),
    "quote": click.option("--quote", default=None, help='CSV: sign around fields; "none" if there is none.'),
    "encoding": click.option("--encoding", default=None, help="CSV: encoding of the text; UTF-8 by default."),
    "header": click.option(
        "--no-header", "header", flag_value=False, default=None, type=bool, help="CSV: the first row is data."
    ),
    "decimal": click.option(
        "--decimal", default=None, help="CSV: decimal sign of numbers; a point by default."
    ),
    "null": click.option("--null", multiple=True, help="CSV: a field that means missing; may be repeated."),
    "types": click.option(
        "--infer-types",
        "types",
        flag_value="infer",
        default=None,
        help="CSV: infer the types of whole columns.",
    ),
}


def csv_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of CSV files to a command."""
    for option in reversed(_OPTIONS.values()):
        command = option(command)
    return command


def take_csv_options(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the options of CSV files from all options of a command, and return them as ``csv=`` takes them."""
    csv = {name: options.pop(name) for name in _OPTIONS if name in options}
    if csv.get("delimiter") == "\\t":
        csv["delimiter"] = "\t"
    if csv.get("quote") == "none":
        csv["quote"] = None
    return csv
