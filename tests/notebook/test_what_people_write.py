"""Cells as analysts write them, in the order of a day's work: each looks as without the header, and is one event."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from nbtrack.collector import LocalCollector
from tests.support.kernel import Kernel, Ran, assert_same_run, start_kernel
from tests.support.payloads import unpack

# name: the cell below its header, and how its event says it went; the cells of one kernel follow each other
CELLS = {
    "only comments": ("# just\n# comments", "ok"),
    "bash": ("%%bash\necho hi\necho err >&2", "ok"),
    "bash that fails": ("%%bash\nexit 3", "error"),
    "shell": ("!echo a b", "ok"),
    "shell into a variable": ("x = !echo a\nx", "ok"),
    "source": ("import json\njson.dumps??", "ok"),
    "capture": ("%%capture c\nprint(1)", "ok"),
    "captured": ("c.show()", "ok"),
    "writefile": ("%%writefile foo.txt\nhello", "ok"),
    "html": ("%%html\n<b>x</b>", "ok"),
    "async for": ("async def g():\n    for i in range(3):\n        yield i\nasync for i in g():\n    print(i)", "ok"),
    "gather": ("import asyncio\nawait asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))", "ok"),
    "class": ("class A:\n    '''doc'''\n    def f(self): return 1\nA().f()", "ok"),
    "error in finally": ("try:\n    1/0\nfinally:\n    raise ValueError('in finally')", "error"),
    "error from error": ("try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e", "error"),
    "script in a script": (
        "open('a.py', 'w').write('print(1)') and open('n.ipy', 'w').write('%run a.py\\nx = 5\\n!echo sh') and None\n%run n.ipy",
        "ok",
    ),
    "script that exits": ("open('e.py', 'w').write('import sys; sys.exit(3)') and None\n%run e.py", "exited"),
    "our names taken": ("nbtrack = track = time = len = None\nprint(nbtrack, track)", "ok"),
    "our names given back": ("del nbtrack, track, time, len\nlen([1])", "ok"),
    "ten MB": ("print('x' * 10_000_000)", "ok"),
    "recursion": ("def r(): return r()\nr()", "error"),
    "out of memory": ("x = bytearray(10**18)", "error"),
    "exit with a text": ("import sys\nsys.exit('bye')", "exited"),
    "frame": ("import pandas as pd\npd.DataFrame({'a': [1, 2]})", "ok"),
    "plot": ("%matplotlib inline\nimport matplotlib.pyplot as plt\n_ = plt.plot([1, 2])", "ok"),
    "widget": ("import ipywidgets\nipywidgets.IntSlider(description='s')", "ok"),
    "output widget": ("o = ipywidgets.Output()\nwith o:\n    print('in')\no.outputs", "ok"),
    "display": ("from IPython.display import display, HTML, clear_output\ndisplay(HTML('<b>1</b>'), 3)", "ok"),
    "clear": ("print(1)\nclear_output()\nprint(2)", "ok"),
    "last line hidden": ("5;", "ok"),
    "print of a thread": ("import threading\nt = threading.Thread(target=print, args=('x',)); t.start(); t.join()", "ok"),
    "warning": ("import warnings\nwarnings.warn('careful')", "ok"),
    "fork": ("import os\np = os.fork()\nif p == 0: os._exit(0)\nos.waitpid(p, 0)[1]", "ok"),
    "line feeds of Windows": ("q = 1\r\nq", "ok"),
    "return outside": ("return 5", "syntax_error"),
    "plain tracebacks": ("%xmode Plain\n1/0", "error"),
    "usual tracebacks": ("%xmode Context", "ok"),
    "magic into a variable": ("v = %pwd\ntype(v)", "ok"),
    "autoreload": ("%load_ext autoreload\n%autoreload 2", "ok"),
    "repr that raises": ("class R:\n    def __repr__(self):\n        raise ValueError('repr')\nR()", "error"),
    "error shown by hand": ("try: 1/0\nexcept Exception: get_ipython().showtraceback()", "error"),
    "cell in a cell": ("get_ipython().run_cell('print(1); 1/0')\n5", "error"),
    "get_ipython gone": ("del get_ipython\n1", "ok"),
    "after that": ("%who_ls float\n1", "ok"),
    "header twice": ("%%track header-twice\n1", "ok"),
    "reset": ("%reset -f", "ok"),
    "after the reset": ("x = 1\nx", "ok"),
}  # fmt: skip
FIRST_LINE_MAGIC = re.compile(r"%%(?!track)")


@pytest.fixture(scope="module")
def day(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[dict[str, tuple[Ran, Ran]], dict[str, Any]]]:
    """Run all cells with and without, and give what was seen and what arrived."""
    with (
        LocalCollector() as collector,
        start_kernel(tmp_path_factory.mktemp("tracked"), NBTRACK_COLLECTOR=collector.url) as tracked,
        start_kernel(tmp_path_factory.mktemp("plain")) as plain,
    ):
        tracked.run("%load_ext nbtrack")
        plain.run("pass")  # the execution counts of both go together
        ran = {name: run_both(tracked, plain, name, body) for name, (body, _) in CELLS.items()}
        tracked.run("%nbtrack flush")
        runs = {data["name"]: data for _, data in map(unpack, collector.payloads(good=True))}
        assert collector.counts()["total"] == len(CELLS)
        yield ran, runs


def run_both(tracked: Kernel, plain: Kernel, name: str, body: str) -> tuple[Ran, Ran]:
    header = f"%%track {name.replace(' ', '-')}"
    without = body if FIRST_LINE_MAGIC.match(body) else f"# {header}\n{body.replace('%%track', '# %%track')}"
    return tracked.run(f"{header}\n{body}"), plain.run(without)


@pytest.mark.parametrize("name", CELLS)
def test_it_looks_as_without_the_header_and_is_one_event(name: str, day: Any) -> None:
    ran, runs = day
    assert_same_run(*ran[name])
    assert runs[name.replace(" ", "-")]["status"] == CELLS[name][1]
