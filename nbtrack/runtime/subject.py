"""The subject of a notebook's session, and the entities attached to each of its events."""

import contextlib
import threading
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from nbtrack import _version
from nbtrack.common.wording import iso_time
from nbtrack.runtime import events, home, host
from nbtrack.runtime.settings import NBTrack
from nbtrack.tracker import SelfDescribingJson, Subject


class NotebookSubject(Subject):
    """The subject of a notebook's session.

    The domain user id is the installation's random UUID, the domain session id the kernel's UUID, the user id is only
    what the settings say, and the platform is ``srv`` on somebody's server (JupyterHub, Colab, Binder, CI), else
    ``pc``.

    Parameters
    ----------
    installation : nbtrack.runtime.home.Installation
        Whose random id is the domain user id.
    session_id : str
        The kernel's UUID.
    user_id : str, optional
        Sent only if set.

    Examples
    --------
    >>> import nbtrack
    >>> session = nbtrack.start(store="memory", user_id="zoe")
    >>> session.subject.standard_nv_pairs["uid"]
    'zoe'
    >>> nbtrack.stop()
    """

    def __init__(self, installation: home.Installation, session_id: str, user_id: str | None = None) -> None:
        super().__init__()
        self.set_platform("srv" if host.is_served() else "pc")
        self.set_domain_user_id(installation.id)
        self.set_domain_session_id(session_id)
        self.set_domain_session_index(1)
        if user_id:
            self.set_user_id(user_id)


class SessionEntities:
    """The entities of each event of a session: notebook, kernel and Snowplow's ``client_session``.

    Parameters
    ----------
    settings
        Say how the notebook is named.
    installation
        Gives the salt of the name's hash and the session entity's user.
    session_id
        The kernel's UUID.
    kernel_id
        The id the Jupyter server gave the kernel, where known.
    shell
        IPython's shell, or None.
    """

    def __init__(
        self,
        settings: NBTrack,
        installation: home.Installation,
        session_id: str,
        kernel_id: str | None,
        shell: Any,
    ) -> None:
        self._settings, self._installation, self._session_id, self._shell = (
            settings,
            installation,
            session_id,
            shell,
        )
        self._lock, self._index, self._counts = threading.RLock(), 0, True
        self._first: tuple[str | None, str] = (None, "")
        self._host = host.name_host(shell)
        self._notebook: tuple[tuple[str | None, str], SelfDescribingJson] | None = None
        self._kernel = SelfDescribingJson(
            events.KERNEL,
            events.drop_unknown(
                {
                    "kernel_id": kernel_id or session_id,
                    "started_at": _now(),
                    **host.describe_runtime(),
                    "nbtrack_version": _version.__version__,
                }
            ),
        )

    def list_for(self, event_id: str | None) -> list[SelfDescribingJson]:
        """Return the entities of the next event, and count it.

        Parameters
        ----------
        event_id
            The event's id, where it is known already: the first one of a session is named in all the others.
        """
        with self._lock:
            index, first = self._index + 1, self._first
            if index == 1:
                first = (None if event_id is None else str(event_id), _now())
            if self._counts:
                self._index, self._first = index, first
        first_id, first_time = first
        data = {
            "userId": self._installation.id,
            "sessionId": self._session_id,
            "sessionIndex": 1,
            "eventIndex": index,
            "storageMechanism": "SQLITE",
            "firstEventId": first_id,
            "firstEventTimestamp": first_time,
            "previousSessionId": None,
        }
        if first_id is None:
            del data["firstEventId"]
        return [
            self._describe_notebook(),
            self._kernel,
            SelfDescribingJson(events.CLIENT_SESSION, data),
        ]

    @contextlib.contextmanager
    def uncounted(self) -> Iterator[None]:
        """Return entities without counting the event; events of other threads wait."""
        with self._lock:
            self._counts = False
            try:
                yield
            finally:
                self._counts = True

    def _describe_notebook(self) -> SelfDescribingJson:
        names: Mapping[str, Any] = getattr(self._shell, "user_ns", {})
        # looked up each time: a front end may provide the path only after the first cell
        key = (host.find_notebook_path(names, self._settings.notebook), self._settings.notebook_name)
        if self._notebook and self._notebook[0] == key:
            return self._notebook[1]
        path, form = key
        data: dict[str, Any] = {"host": self._host}
        if path and form == "hash":
            data["name_hash"] = host.hash_name(path, self._installation.salt)
        elif path and form == "name":
            data["name"] = host.shorten_name(path)[: events.NAME_LENGTH]
        schema = events.LATER_NOTEBOOK if self._host in events.LATER_HOSTS else events.NOTEBOOK
        self._notebook = (key, SelfDescribingJson(schema, data))
        return self._notebook[1]


def make_session_id(kernel_id: str | None) -> str:
    """Return the session's UUID: the kernel's if the server set one, otherwise a random one."""
    return kernel_id or str(uuid.uuid4())


def _now() -> str:
    return iso_time()
