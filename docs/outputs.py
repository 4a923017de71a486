"""Run the tutorials and keep the outputs that are the same each time: those of the cells tagged `nbval-check-output`.

Run ``make outputs`` after a change that shows in a tutorial; ``make notebooks`` compares what a run gives with what is kept.
The other cells, whose outputs hold durations or widgets, keep none: they would be stale at once.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from nbtrack.collector import shared_collector

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
TAG = "nbval-check-output"


def write_outputs(path: Path) -> None:
    """Run one notebook in a home of its own, and keep its outputs in the file."""
    book = nbformat.read(path, as_version=4)
    about = book.metadata.copy()
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("NBTRACK_HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            os.environ[name] = str(Path(scratch) / name.lower())
        try:
            NotebookClient(
                book,
                timeout=60,
                kernel_name="python3",
                resources={"metadata": {"path": str(NOTEBOOKS)}},
                store_widget_state=False,
            ).execute()
        finally:
            shared_collector.stop(Path(os.environ["NBTRACK_HOME"]))
    book.metadata = about  # a run adds this machine's version of Python
    for cell in book.cells:
        if cell.cell_type == "code":
            tags = cell.metadata.get("tags")
            # a run adds when and how long; what the author set stays
            cell.metadata = {
                name: cell.metadata[name] for name in ("jupyter", "tags") if name in cell.metadata
            }
            if TAG not in (tags or ()):
                cell.execution_count, cell.outputs = None, []
    nbformat.write(book, path)


if __name__ == "__main__":
    for chosen in [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")):
        write_outputs(chosen)
