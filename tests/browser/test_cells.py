"""Tracked cells in JupyterLab and in Notebook 7, by the same script."""

import json

import pytest

from tests.browser.lab import poll

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
CELLS = (
    """
    import nbtrack
    from nbtrack.collector import LocalCollector
    collector = LocalCollector()
    collector.start()
    session = nbtrack.start(collector, store="memory")
    %load_ext nbtrack
    """,
    "%%track load-flights -p rows=len(flights)\nflights = [1, 2, 3]\nsum(flights)",
    "%%track broken\n1 / 0",
    "nbtrack.monitor()",
    """
    import json
    nbtrack.session().flush(10)
    found = collector.events(schema="*cell_run*")
    runs = [one if isinstance(one, dict) else json.loads(one) for one in found.filter(like="cell_run").iloc[:, 0]]
    print("told:", json.dumps([[run.get(key) for key in ("name", "status", "cellId", "cell_id")] for run in runs]))
    """,
)
