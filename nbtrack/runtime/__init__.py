"""The session, without IPython: settings, opt-out, subject and entities, start and stop."""

from nbtrack.common.errors import show_under
from nbtrack.runtime.active import find_session, session, start, stop
from nbtrack.runtime.sessions import Session
from nbtrack.runtime.settings import NBTrack, SettingError
from nbtrack.runtime.subject import NotebookSubject

__all__ = [
    "NBTrack",
    "NotebookSubject",
    "Session",
    "SettingError",
    "find_session",
    "session",
    "start",
    "stop",
]

show_under(__name__, [globals()[name] for name in __all__])
