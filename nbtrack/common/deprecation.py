"""Old public names: they still work, and warn with the new one."""

from typing import Any
from warnings import warn


class RenamedMethod:
    """The old name of a method or an attribute: the same, with a `DeprecationWarning` at each use.

    Parameters
    ----------
    new : str
        The new name.
    """

    def __init__(self, new: str) -> None:
        self.new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:  # looked at on the class, as by a documentation tool
            return self
        warn(f"{owner.__name__}.{self.name} is now {self.new}", DeprecationWarning, stacklevel=2)
        return getattr(instance, self.new)
