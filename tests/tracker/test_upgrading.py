"""The snippets of the page "Upgrading", run in order against a real collector."""

import logging
import re
from collections import Counter
from pathlib import Path

from tests.support.recorder import recording

PAGE = Path(__file__).parents[2] / "docs" / "pages" / "reference" / "upgrading.md"


def test_the_snippets_run_in_order(capsys):
    snippets = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(snippets) >= 6
    names: dict[str, object] = {}
    level = logging.getLogger("nbtrack").level
    with recording() as recorder:
        names["COLLECTOR"] = recorder.url
        try:
            for snippet in snippets:
                exec(compile(snippet, str(PAGE), "exec"), names)
        finally:
            logging.getLogger("nbtrack").setLevel(level)
            for emitter in ("emitter", "old_defaults"):
                names[emitter].close()
        sent = recorder.take()
    assert Counter(one["e"] for one in sent) == {"pv": 4, "ue": 3, "se": 2, "tr": 1, "ti": 1}
    printed = capsys.readouterr().out.splitlines()
    comments = [line.split("  # ")[1] for line in "".join(snippets).splitlines() if "print(error)" in line]
    assert printed == comments
