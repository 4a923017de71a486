"""Optional packages: what each extra of nbtrack needs, and the one line that says what to install."""

import importlib.metadata
import re
from collections.abc import Iterator

from nbtrack.common.errors import NbtrackError

_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,-]+)\])?(?:[>=]=(?P<version>[\w.]+))? *"
    r"(?:; *sys_platform *!= *['\"]emscripten['\"])? *"
    r"(?:; *extra *== *['\"](?P<extra>[\w-]+)['\"])?$"
)


class MissingPackageError(NbtrackError, ModuleNotFoundError):
    """A package that only some features need is not installed, or is too old."""


def require(extra: str, feature: str) -> None:
    """Raise unless the packages of an extra are installed, in versions that nbtrack works with.

    Parameters
    ----------
    extra : str
        Name of the extra, such as ``backfill``.
    feature : str
        What needs it, for the message.

    Raises
    ------
    MissingPackageError
        With the command that installs what is missing or too old.
    """
    packages, reasons = [], []
    for name, oldest in list_requirements(extra):
        if version := installed_version(name):
            if _numbers(version) >= _numbers(oldest):
                continue
            reasons.append(f"{name} {version} is too old")
        else:
            reasons.append(f"{name} is not installed")
        packages.append(f"'{name}>={oldest}'")
    if packages:
        raise MissingPackageError(
            f"{feature} needs other packages ({', '.join(reasons)}): python -m pip install {' '.join(packages)}"
        )


def list_requirements(extra: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield the packages that an extra needs, by default nbtrack itself, with their oldest supported versions.

    They are read from nbtrack's own metadata; a source tree that is not installed has none.
    """
    try:
        lines = importlib.metadata.requires("nbtrack") or ()
    except importlib.metadata.PackageNotFoundError:
        return
    for match in filter(None, map(_REQUIREMENT.match, lines)):
        if match["extra"] != extra:
            continue
        if match["name"] == "nbtrack":
            for other in match["extras"].split(","):
                yield from list_requirements(other)
        elif match["version"]:
            yield match["name"], match["version"]


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])
