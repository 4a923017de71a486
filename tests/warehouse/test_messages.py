"""Messages about failed and enriched events: each says what is wrong, and what to do; the page lists them all."""

import pandas as pd

import nbtrack
from nbtrack.warehouse import FailedEvent, FailedEvents
from tests.support.messages import Messages, message_tests

FAILED = FailedEvents([FailedEvent("schema_violations", payload={"e": "pv"})])
MESSAGES: Messages = {
    "a number in place of files": (
        lambda: nbtrack.read_failed(3),
        TypeError,
        "cannot read int; pass the path of files, or a list of paths",
    ),
    "a table in place of files": (
        lambda: nbtrack.read_enriched(pd.DataFrame({"event_id": ["a"]})),
        TypeError,
        (
            "cannot read DataFrame: tables that loaders write into warehouses and lakes are not read; pass the files of the "
            "pipeline, or write the rows as JSON lines with the names of columns in lower case, as with "
            "frame.to_json('events.jsonl', orient='records', lines=True, date_format='iso')"
        ),
    ),
    "a warehouse in place of files": (
        lambda: nbtrack.read_failed("snowflake://analyst:secret@acme/db"),
        TypeError,
        "cannot read snowflake://acme/db: tables that loaders write into warehouses and lakes are not read",
    ),
    "files that are not there": (
        lambda: nbtrack.read_failed("failed/*.gz"),
        FileNotFoundError,
        "no such file: failed/*.gz",
    ),
    "an unknown place in a payload": (
        lambda: FAILED.repair({"currency": "EUR"}),
        ValueError,
        "no such place in a payload: 'currency'",
    ),
    "the whole event in place of a property": (
        lambda: FAILED.repair({"ue": 1}),
        ValueError,
        "'ue' is the whole event; name a property, such as 'ue.price'",
    ),
    "an unknown condition": (
        lambda: FAILED.repair({"aid": 1}, where={"kin": "x"}),
        ValueError,
        "where: no such column: 'kin'; columns are: kind, reason, schema, field, value, app_id, event_name, tracker, event_id",
    ),
    "a recipe with a function": (
        lambda: FAILED.repair({"aid": str}).recipe(),
        TypeError,
        "the function for 'aid' cannot be stored as JSON; use col(…), or keep the recipe as Python code",
    ),
    "another document in place of a recipe": (
        lambda: FAILED.repair(recipe={}),
        ValueError,
        'not a recipe: {"version": 1, "steps": […]} expected, as `recipe()` returns it',
    ),
    "an unknown choice of times": (
        lambda: FAILED.repair({}).replay("http://127.0.0.1:9", times="now"),
        ValueError,
        "times must be one of 'derived', 'dtm', got 'now'",
    ),
    "a column that no event has": (
        lambda: nbtrack.read_enriched(__file__, columns=["evnt_id"]),
        ValueError,
        "no such column: 'evnt_id'; did you mean 'event_id'?",
    ),
    "good events for the pipeline that they came from": (
        lambda: nbtrack.read_enriched(__file__).replay("http://127.0.0.1:9"),
        ValueError,
        "these events are good, and the pipeline that they came from would have each twice; pass force=True to send them to another one",
    ),
}
test_each_message_says_what_where_and_what_to_do, test_the_page_lists_them = message_tests(
    "warehouse", MESSAGES
)
