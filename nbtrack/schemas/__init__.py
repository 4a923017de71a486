"""Iglu schemas: their registry, validation, linter, and drafts from DataFrames."""

from nbtrack.common.errors import show_under
from nbtrack.schemas.adding import add_schemas
from nbtrack.schemas.checkfiles import check_file
from nbtrack.schemas.compiling import BadSchema
from nbtrack.schemas.drafting import draft_schema
from nbtrack.schemas.faults import Fault
from nbtrack.schemas.keys import SchemaKey, parse_uri
from nbtrack.schemas.linter import Problem, lint_schema
from nbtrack.schemas.registry import Registry, SchemaNotFound, registry_of
from nbtrack.schemas.servers import IgluServer

__all__ = [
    "BadSchema",
    "Fault",
    "IgluServer",
    "Problem",
    "Registry",
    "SchemaKey",
    "SchemaNotFound",
    "add_schemas",
    "check_file",
    "draft_schema",
    "lint_schema",
    "parse_uri",
    "registry_of",
]

show_under(__name__, [globals()[name] for name in __all__])
