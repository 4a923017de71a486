"""Scripts that were notebooks: Jupytext and nbconvert keep the magics as comments, and the session is lost with them."""

import functools
import re
import sys
from pathlib import Path

_LOST_LOAD = re.compile(
    rb"^[ \t]*(?:#[ \t]*%|get_ipython\(\)\.run_line_magic\(['\"])(?:re)?load_ext\b.*?\bnbtrack\b",
    re.MULTILINE,
)
_MOST_READ = 200_000
"""Bytes of a script that are searched: a notebook loads its extensions at its beginning."""


@functools.cache
def warn_of_lost_session() -> None:
    """Name the line that starts a session, once, if the program is a script whose notebook loaded nbtrack by a magic."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(file, str) or "IPython.core.interactiveshell" in sys.modules:
        return
    try:
        with Path(file).open("rb") as script:
            text = script.read(_MOST_READ)
    except OSError:
        return
    if _LOST_LOAD.search(text):
        sys.stderr.write(
            f"nbtrack: nothing is tracked: {Path(file).name} was a notebook that loads nbtrack with a magic, which is a "
            "comment here; add the line: import nbtrack; nbtrack.start()\n"
        )
