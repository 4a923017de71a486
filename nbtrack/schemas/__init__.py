"""Iglu schemas and their registry."""

from nbtrack.schemas.faults import Fault
from nbtrack.schemas.keys import SchemaKey, parse_uri
from nbtrack.schemas.registry import BadSchema, Registry, SchemaNotFound

__all__ = ["BadSchema", "Fault", "Registry", "SchemaKey", "SchemaNotFound", "parse_uri"]
