"""Names of snowplow-tracker 0.x that have changed."""

from collections.abc import Iterable
from typing import NoReturn


class Renamed:
    """A method's old name: looking it up raises an error with the new one.

    A class with ``__getattr__`` could do that too, but Python would then look up every attribute of its instances the slow
    way, existing ones included, which took a tenth of the time of `Tracker.track`.

    Parameters
    ----------
    new : str
        The new name.
    """

    def __init__(self, new: str) -> None:
        self.new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self.text = f"{owner.__name__} has no {name}: use {self.new}"

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(self.text)


def without_renamed(names: Iterable[str], owner: type) -> list[str]:
    """Return the names without the old ones, for ``dir`` and completion."""
    return [name for name in names if not isinstance(vars(owner).get(name), Renamed)]
