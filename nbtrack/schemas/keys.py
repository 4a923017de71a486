"""Schema keys: the names of schemas in Iglu."""

from dataclasses import dataclass

from nbtrack.protocol import IGLU_URI


@dataclass(frozen=True, slots=True, order=True)
class SchemaKey:
    """The four parts of ``iglu:vendor/name/format/version``.

    Attributes
    ----------
    vendor : str
        Who publishes the schema, a reversed domain.
    name : str
        The schema's name.
    format : str
        ``jsonschema`` for every schema that nbtrack validates with.
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
        """The schema's path in a folder or on a server: ``vendor/name/format/version``."""
        return f"{self.vendor}/{self.name}/{self.format}/{self.version}"


def parse_uri(uri: str) -> SchemaKey:
    """Parse an Iglu URI.

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
        If it is not an Iglu URI. A vendor cannot lead out of a folder: parts contain no slash and are not ``..``.

    Examples
    --------
    >>> parse_uri("iglu:com.acme/purchase/jsonschema/1-0-0").name
    'purchase'
    """
    match = IGLU_URI.fullmatch(uri) if isinstance(uri, str) else None
    if not match or not match["vendor"].strip("."):
        raise ValueError(f"{uri!r} is not an Iglu URI such as iglu:com.acme/purchase/jsonschema/1-0-0")
    return SchemaKey(match["vendor"], match["name"], match["format"], match["version"])
