"""What runs this code: front end, notebook and kernel. Any of them may be unknown."""

import hashlib
import os
import platform
import re
import sys
import uuid
from collections.abc import Mapping
from pathlib import PurePath, PureWindowsPath
from typing import Any

from nbtrack.common.current_session import find_marimo_kernel, find_marimo_path
from nbtrack.runtime.programs import find_program

_KERNEL_FILE = re.compile(r"kernel-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$")
_CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "TF_BUILD")


def name_host(shell: Any = None) -> str:  # noqa: PLR0911 - a table, one line a host
    """Return the front end: one of the values of the `notebook` schema's ``host``.

    Parameters
    ----------
    shell
        IPython's shell, or None outside IPython.
    """
    environment, names = os.environ, getattr(shell, "user_ns", {})
    if "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in environment:
        return "colab"
    if "DATABRICKS_RUNTIME_VERSION" in environment:
        return "databricks"
    if "__vsc_ipynb_file__" in names or "VSCODE_PID" in environment or "VSCODE_CWD" in environment:
        return "vscode"
    if "KAGGLE_KERNEL_RUN_TYPE" in environment:
        return "kaggle"
    if find_marimo_kernel() is not None:
        return "marimo"
    if shell is None:
        return "script"
    if not hasattr(shell, "kernel"):
        return "terminal"
    if "PAPERMILL_INPUT_PATH" in names or "PAPERMILL_INPUT_PATH" in environment:
        return "papermill"
    if environment.get("SERVER_SOFTWARE", "").startswith("voila/"):
        return "voila"
    # a server is named by its application: which of its pages asked for this kernel, it does not tell
    return find_program()[0] or ("lab" if environment.get("JPY_SESSION_NAME") else "nbclient")


def is_served() -> bool:
    """Return whether this runs on a server (JupyterHub, Colab, Binder, CI) rather than a user's machine."""
    environment = os.environ
    hosted = (
        "JUPYTERHUB_USER",
        "JUPYTERHUB_API_TOKEN",
        "BINDER_SERVICE_HOST",
        "BINDER_REPO_URL",
        "COLAB_RELEASE_TAG",
    )
    return any(environment.get(name) for name in (*hosted, *_CI_VARIABLES)) or "google.colab" in sys.modules


def find_notebook_path(user_ns: Mapping[str, Any], named: str | None = None) -> str | None:
    """Return the notebook's path or name without asking a server; None if unknown.

    Parameters
    ----------
    user_ns
        The user's namespace, where some front ends leave the path.
    named
        What the user said, which wins.
    """
    if named or (named := find_marimo_path()):
        return named
    for path in (
        user_ns.get("__vsc_ipynb_file__"),
        user_ns.get("PAPERMILL_INPUT_PATH"),
        os.environ.get("PAPERMILL_INPUT_PATH"),
        os.environ.get("JPY_SESSION_NAME"),
        user_ns.get("__session__"),
        find_program()[1],
    ):
        if isinstance(path, str) and path.endswith(".ipynb"):
            return path
    return None


def hash_name(path: str, salt: str) -> str:
    """Return a salted hash of a notebook's path: equal for equal paths of one installation, useless elsewhere."""
    return hashlib.sha256(f"{salt}\0{path}".encode()).hexdigest()


def shorten_name(path: str) -> str:
    """Return the last part of a POSIX or Windows path."""
    return PureWindowsPath(path).name if "\\" in path else PurePath(path).name


def find_kernel_id(shell: Any = None) -> str | None:
    """Find the id that the Jupyter server gave this kernel: a UUID in its connection file's name."""
    application = getattr(getattr(shell, "kernel", None), "parent", None)
    file = getattr(application, "connection_file", "") or ""
    found = _KERNEL_FILE.search(str(file))
    return str(uuid.UUID(found[1])) if found else None


def describe_runtime() -> dict[str, Any]:
    """Describe Python and the machine, without a name of either's owner."""
    versions = {
        name: getattr(sys.modules.get(name), "__version__", None) for name in ("IPython", "ipykernel")
    }
    return {
        "python_version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "ipython_version": versions["IPython"],
        "ipykernel_version": versions["ipykernel"],
        "os_name": platform.system() or None,
        "machine": platform.machine() or None,
        "cpu_count": os.cpu_count(),
    }
