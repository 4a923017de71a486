"""The program that started this kernel, by its command line: kernels are told little else about their front end."""

import functools
import os
from pathlib import PurePath

from nbtrack.common.processes import process_arguments

_HOSTS = {
    "jupyter-lab": "lab",
    "jupyter-labhub": "lab",
    "jupyterhub-singleuser": "lab",
    "jupyter-notebook": "notebook",
    "jupyter-nbclassic": "nbclassic",
    "jupyter-console": "console",
    "jupyter-nbconvert": "nbconvert",
    "jupyter-execute": "execute",
    "jupyter-voila": "voila",
    "voila": "voila",
    "papermill": "papermill",
    # as python -m names them
    "jupyterlab": "lab",
    "jupyterhub.singleuser": "lab",
    "notebook": "notebook",
    "nbclassic": "nbclassic",
    "jupyter_console": "console",
    "nbconvert": "nbconvert",
}
_NAMED_BY_ARGUMENT = frozenset({"execute", "nbconvert", "papermill", "voila"})
"""Programs that are given the notebook's path."""
_INTERPRETER_WORDS = 3
"""The program's name is one of the first words: it may follow an interpreter, its options or ``-m``."""


@functools.cache
def find_program() -> tuple[str | None, str | None]:
    """Return the host that the parent process is, and the notebook's path in its arguments; each None if unknown."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    return name_program(process_arguments(int(parent))) if parent.isdecimal() else (None, None)


def name_program(arguments: list[str]) -> tuple[str | None, str | None]:
    """Return which program a command line starts, as the schema of notebooks names it, and the notebook it is given.

    Parameters
    ----------
    arguments
        The command line.

    Examples
    --------
    >>> name_program(["/opt/bin/python", "/opt/bin/papermill", "reports/in.ipynb", "out.ipynb"])
    ('papermill', 'reports/in.ipynb')
    >>> name_program(["python", "report.py"])
    (None, None)
    """
    for place, word in enumerate(arguments[:_INTERPRETER_WORDS]):
        program = PurePath(word.replace("\\", "/")).name.removesuffix(".exe").removesuffix("-script.py")
        # a module is only named after -m: a script of the user may have any name
        is_module = place > 0 and arguments[place - 1] == "-m"
        is_command = program.startswith(("jupyter", "voila", "papermill")) and not is_module
        host = _HOSTS.get(program) if is_module or is_command else None
        if host is not None:
            rest = arguments[place + 1 :] if host in _NAMED_BY_ARGUMENT else []
            return host, next((one for one in rest if one.endswith(".ipynb")), None)
    return None, None
