"""The folder of nbtrack's own files: the one rule of where it is."""

import os
from pathlib import Path


def find_home() -> Path:
    """Tell the folder of nbtrack's own files: ``NBTRACK_HOME``, else the platform's user state directory."""
    if named := os.environ.get("NBTRACK_HOME"):
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - only where the variable is not set

    return Path(platformdirs.user_state_dir("nbtrack", appauthor=False))
