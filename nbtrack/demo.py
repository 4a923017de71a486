"""``nbtrack demo``: run the quickstart notebook in a real kernel, and show what arrived in the collector."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nbtrack.collector import shared_collector
from nbtrack.common.extras import require

QUICKSTART = "01_quickstart.ipynb"
_CELL_TIMEOUT = 600  # seconds


def run_demo(notebook: Path | None = None) -> int:
    """Run a notebook and print the table of what the local collector holds.

    Parameters
    ----------
    notebook
        The quickstart where not given.

    Returns
    -------
    int
        0 if the notebook ran, events arrived and none failed; 1 otherwise.
    """
    require("demo", "nbtrack demo")
    path = notebook or find_quickstart()
    if path is None:
        print(
            f"The notebook {QUICKSTART} is not here: run this in a clone of nbtrack, or name one with --notebook."
        )
        return 1
    print(f"Running {path.name} in a kernel of its own …")
    started = time.perf_counter()
    # a home of its own: the table shows this run, and the user's own events are not mixed with it
    with (
        tempfile.TemporaryDirectory(prefix="nbtrack-demo-home-", ignore_cleanup_errors=True) as folder,
        _environment({"NBTRACK_HOME": folder}),
    ):
        home = Path(folder)
        try:
            printed = execute(path)
            seconds = time.perf_counter() - started
            client = shared_collector.connect(home)
            table = client.by_schema()
            _show(table, printed, seconds, client.url)
        finally:
            shared_collector.stop(home)
    return 0 if len(table) and not table["bad"].sum() else 1


def find_quickstart() -> Path | None:
    """Find the quickstart: in the clone this package is run from, or where the wheel put it."""
    package = Path(__file__).parent
    places = (package.parent / "notebooks", package / "notebooks", Path.cwd() / "notebooks")
    return next((folder / QUICKSTART for folder in places if (folder / QUICKSTART).is_file()), None)


def execute(path: Path) -> str:
    """Run a notebook in a real kernel of this interpreter; give what its cells printed.

    Raises
    ------
    RuntimeError
        With the failing cell's error.
    """
    try:
        import nbformat  # noqa: PLC0415 - of the extra demo
        from nbclient import NotebookClient  # noqa: PLC0415
        from nbclient.exceptions import CellExecutionError  # noqa: PLC0415
    except ImportError as error:
        raise SystemExit(f"the demo needs more: pip install 'nbtrack[demo]' ({error})") from None
    book = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="nbtrack-demo-") as scratch:
        # what Jupyter and IPython keep of a kernel goes with it
        places = dict.fromkeys(("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"), scratch)
        with _environment(places):
            client = NotebookClient(
                book,
                timeout=_CELL_TIMEOUT,
                kernel_manager_class=_make_manager(),
                resources={"metadata": {"path": str(path.parent)}},
            )
            try:
                client.execute()
            except CellExecutionError as error:
                raise SystemExit(f"the notebook stopped: {error}") from None
    outputs = (output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs)
    return "\n".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs
    )


def _make_manager() -> Any:
    """Return a kernel manager that starts this interpreter, whatever kernels are registered on the machine."""
    from jupyter_client.kernelspec import KernelSpec  # noqa: PLC0415 - of the extra demo
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415

    class Manager(AsyncKernelManager):  # type: ignore[misc, unused-ignore]
        @property
        def kernel_spec(self) -> Any:
            command = [
                sys.executable,
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
                "--log-level=ERROR",
            ]
            return KernelSpec(argv=command, display_name="Python", language="python")

    return Manager


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _show(table: Any, printed: str, seconds: float, url: str) -> None:
    width = max([len("events by schema"), *(len(str(schema)) for schema in table["schema"])])
    lines = [f"{'events by schema':{width}}  {'good':>9}  {'bad':>5}", "-" * (width + 18)]
    lines += [f"{row.schema!s:{width}}  {row.good:>9,}  {row.bad:>5,}" for row in table.itertuples()]
    lines += ["-" * (width + 18), f"{'total':{width}}  {table['good'].sum():>9,}  {table['bad'].sum():>5,}"]
    for line in printed.splitlines():
        if line.startswith("backfill "):
            lines.append(f"\n{line}")
            break
    lines.append(f"notebook ran in {seconds:.1f} s; the events were read back from the collector at {url}")
    print("\n".join(lines))
