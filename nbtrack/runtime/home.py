"""The identity of this installation, kept in nbtrack's home folder."""

import json
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

from nbtrack.common.home import make_home, open_private


@dataclass(frozen=True, slots=True)
class Installation:
    """Identity shared by all kernels of one installation.

    Parameters
    ----------
    id
        Random UUID, generated once: the domain user id of every event.
    salt
        Random string that makes hashes of names useless elsewhere.
    """

    id: str
    salt: str


def identify_installation(home: Path) -> Installation:
    """Return this installation's identity; one for this process only if the home is not writable.

    Parameters
    ----------
    home
        The folder that holds the file ``installation.json`` (mode 0600).
    """
    path = home / "installation.json"
    if known := _read(path):
        return known
    fresh = Installation(str(uuid.uuid4()), secrets.token_hex(16))
    try:
        make_home(home)
        # written to a draft and linked, so that of two kernels starting together exactly one wins
        draft = home / f".installation-{os.getpid()}-{secrets.token_hex(4)}"
        with open_private(draft, "x") as file:
            json.dump({"id": fresh.id, "salt": fresh.salt}, file)
        try:
            if path.exists():  # it existed and could not be read
                draft.replace(path)
            elif hasattr(os, "link"):
                os.link(draft, path)
                draft.unlink()
            else:  # Pyodide, where no other kernel shares the folder
                draft.replace(path)
        except FileExistsError:
            draft.unlink()
    except OSError:
        return fresh
    return _read(path) or fresh


def _read(path: Path) -> Installation | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Installation(str(uuid.UUID(stored["id"])), str(stored["salt"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
