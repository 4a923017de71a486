"""Tracked cells in JupyterLab and in Notebook 7, by the same script."""

import json

import pytest

from tests.support.waiting import poll

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
CELLS = (
    """
    import json
    import nbtrack
    from nbtrack.collector import LocalCollector
    collector = LocalCollector()
    collector.start()
    %load_ext nbtrack
    nbtrack.session().settings.collector = collector.url
    """,
    "%%track load-flights -p rows=len(flights)\nflights = [1, 2, 3]\nsum(flights)",
    "%%track in-the-middle\nprint('run', 'on')",
    "%nbtrack monitor",
    """
    def list_runs():
        nbtrack.session().flush(10)
        found = collector.events(schema="*cell_run*")
        (column,) = [name for name in found if name.startswith("unstruct_event_io_github_nbtrack_cell_run")]
        keys = ("name", "status", "cell_id", "execution_count")
        runs = [one if isinstance(one, dict) else json.loads(one) for one in found[column]]
        return [[run.get(key) for key in keys] for run in runs]
    print("told:", json.dumps(list_runs()))
    """,
)
CELL_IDS = "() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map((cell) => cell.id)"
WRITE = """async (text) => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.model.cells.length;
  panel.content.activeCellIndex = cells - 1;
  const cell = panel.content.activeCell;
  cell.model.sharedModel.setSource(text);
  panel.content.mode = 'edit';
  await cell.ready;
  cell.editor.focus();
  cell.editor.setCursorPosition({ line: 0, column: text.length });
}"""


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_tracked_cells_run_and_are_told_with_their_ids(notebook, app):
    opened = notebook(*CELLS, app=app)
    ids = opened.page.evaluate(CELL_IDS)
    opened.run_all()
    opened.wait_for_output("told:", 40)
    told = opened.page.locator(".jp-OutputArea-output:has-text('told:')").first.text_content()
    runs = {run[0]: run[1:] for run in json.loads(told.partition("told:")[2])}
    assert runs == {"load-flights": ["ok", ids[1], 2], "in-the-middle": ["ok", ids[2], 3]}
    assert opened.page.locator(".jp-OutputArea-output pre:text-is('6')").count() == 1
    opened.monitor.wait_for(timeout=20_000)
    assert poll(lambda: opened.counter("sent") >= 2)

    opened.page.evaluate(WRITE, "%%track load --la")
    opened.page.keyboard.press("Tab")
    assert poll(lambda: "--label" in source_of_last(opened) or "--label" in offered(opened))


def source_of_last(opened):
    return opened.page.evaluate(
        "() => { const { cells } = window.jupyterapp.shell.currentWidget.content.model;"
        " return cells.get(cells.length - 1).sharedModel.getSource() }"
    )


def offered(opened):
    return " ".join(opened.page.locator(".jp-Completer-match").all_inner_texts())
