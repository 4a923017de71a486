"""The name of a schema in Iglu."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrack.protocol import IGLU_URI


@dataclass(frozen=True, slots=True, order=True)
class SchemaKey:
    """The four parts of ``iglu:vendor/name/format/version``.

    Attributes
    ----------
    vendor : str
        Who made the schema, a reversed domain.
    name : str
        The schema's name.
    format : str
        ``jsonschema`` for all that nbtrack checks.
    version : str
        SchemaVer: model, revision and addition.

    Examples
    --------
    >>> key = SchemaKey("com.acme", "purchase", "jsonschema", "1-0-0")
    >>> str(key), key.path
    ('iglu:com.acme/purchase/jsonschema/1-0-0', 'com.acme/purchase/jsonschema/1-0-0')
    """

    vendor: str
    name: str
    format: str
    version: str

    def __str__(self) -> str:
        return f"iglu:{self.vendor}/{self.name}/{self.format}/{self.version}"

    @property
    def path(self) -> str:
        """The schema's place in a folder or on a server: ``vendor/name/format/version``."""
        return f"{self.vendor}/{self.name}/{self.format}/{self.version}"


def parse_uri(uri: str) -> SchemaKey:
    """Take an Iglu URI apart.

    Parameters
    ----------
    uri : str
        Such as ``iglu:com.acme/purchase/jsonschema/1-0-0``.

    Returns
    -------
    SchemaKey
        Its vendor, name, format and version.

    Raises
    ------
    ValueError
        When the text is no Iglu URI. A vendor cannot climb out of a folder: parts hold no slash and are not ``..``.

    Examples
    --------
    >>> parse_uri("iglu:com.acme/purchase/jsonschema/1-0-0").name
    'purchase'
    """
    found = IGLU_URI.fullmatch(uri) if isinstance(uri, str) else None
    if not found or not found["vendor"].strip("."):
        raise ValueError(f"{uri!r} is not an Iglu URI such as iglu:com.acme/purchase/jsonschema/1-0-0")
    return SchemaKey(found["vendor"], found["name"], found["format"], found["version"])
