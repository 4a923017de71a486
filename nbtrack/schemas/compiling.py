"""Compiled schemas: validators of data, by JSON Schema's Draft 4 as Iglu applies it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbtrack.common.arguments import is_http_url
from nbtrack.common.errors import NbtrackError
from nbtrack.schemas import formats, java_regex
from nbtrack.schemas.branching import Branching, extent_of, resolve
from nbtrack.schemas.faults import Fault, faults_of

SUBSCHEMAS = {"additionalItems", "additionalProperties", "allOf", "anyOf", "items", "not", "oneOf"}
"""Keywords of Draft 4 whose value is a schema, or a list of them."""
NAMED_SUBSCHEMAS = {"definitions", "dependencies", "patternProperties", "properties"}
"""Keywords whose value is a dict of schemas."""
BACKTRACK_LIMIT = 100_000
"""Steps after which a regular expression gives up, so that no string takes for ever."""

MAX_BRANCHES = 10_000
"""Subschemas that may apply to one place in data; the largest schemas of Iglu Central have 43."""
MAX_EXPLAINED_BRANCHES = 1_000
"""Those of a schema whose faults are listed, which takes longer than to find that there are some."""
MAX_EXPLAINED = 20_000
"""Subschemas that apply to all of a piece of data, for all faults to be looked for; the first alone otherwise."""
MAX_DEPTH = 40
"""Levels of data; a pipeline accepts no more."""


class BadSchema(NbtrackError, ValueError):  # noqa: N818 - the name is public
    """A schema exists but cannot be used; the message says why.

    Examples
    --------
    >>> from nbtrack.schemas import Registry
    >>> name = {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"}
    >>> Registry().register({"self": name, "type": "objekt"})
    Traceback (most recent call last):
    nbtrack.schemas.BadSchema: iglu:com.acme/visit/jsonschema/1-0-0 cannot be used: "objekt" is not valid ...
    """


class Validator:
    """A compiled schema.

    Parameters
    ----------
    body : dict
        The schema without its name.

    Attributes
    ----------
    is_valid : callable
        Whether data is valid.
    """

    __slots__ = ("_body", "_branching", "_depth", "_exact", "_is_valid", "_list", "is_valid")

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self._branching = Branching(body)
        adapted = _Adapter(body, fast=True).adapt(body)
        # without references a schema has no more branches than its text
        self._depth = (
            self._branching.deepest(MAX_BRANCHES, MAX_DEPTH) if "$ref" in str(adapted) else MAX_DEPTH
        )
        if self._depth < 0:
            raise ValueError(f"more than {MAX_BRANCHES:,} of its subschemas apply to one value")
        self._is_valid: Callable[[Any], bool] = _compile(adapted).is_valid
        self.is_valid = self._is_valid if self._depth == MAX_DEPTH else self._is_valid_and_flat
        self._exact: Any = None
        self._list: Callable[[Any], bool] | None = None

    def _is_valid_and_flat(self, data: Any) -> bool:
        return extent_of(data)[0] <= self._depth and self._is_valid(data)

    def faults(self, data: Any) -> list[Fault]:
        """Return what is wrong with data, which takes a bounded time whatever the schema."""
        if self.is_valid(data):
            return []
        levels, values = extent_of(data)
        if levels > self._depth:
            text = f"nested {levels} levels deep; at most {self._depth} can be validated with the alternatives of this schema"
            return [Fault("$", text, "schema", f"at most {self._depth} levels", str(levels))]
        branches = self._branching.count(levels)
        if branches > MAX_EXPLAINED_BRANCHES:
            text = "does not match the schema, which has too many alternatives to say why"
            return [Fault("$", text, "schema", "data that matches", "other data")]
        if branches * values <= MAX_EXPLAINED:
            return faults_of(self.iter_errors(data))
        text = f"not checked for more faults: it has {values:,} values"
        return [*faults_of(self._first_error(data)), Fault("$", text, "schema", "", f"{values:,} values")]

    def iter_errors(self, data: Any) -> Iterator[Any]:
        """Return each reason why data is not valid."""
        return iter(self._exact_validator().iter_errors(data))

    def _first_error(self, data: Any) -> Iterator[Any]:
        import jsonschema_rs  # noqa: PLC0415 - as below

        try:
            self._exact_validator().validate(data)
        except jsonschema_rs.ValidationError as error:
            yield error

    def _exact_validator(self) -> Any:
        if self._exact is None:
            self._exact = _compile(_Adapter(self._body, fast=False).adapt(self._body))
        return self._exact

    def are_valid(self, items: list[Any]) -> bool:
        """Check whether all of many pieces of data are valid: one call in place of many."""
        if self._list is None:
            adapted = _Adapter(self._body, fast=True).adapt(self._body)
            # references lead from the root, which would be another one
            self._list = (
                (lambda many: all(map(self.is_valid, many)))
                if "$ref" in str(adapted)
                else _compile({"type": "array", "items": adapted}).is_valid
            )
        return self._list(items)


def compile_schema(schema: Mapping[str, Any], uri: str) -> Validator:
    """Compile a schema as Draft 4, with the deviations of Iglu's validator.

    Formats are checked as in `nbtrack.schemas.formats`, regular expressions are Java's, keywords beside a ``$ref``
    apply, and a ``$ref`` to another document on the web allows anything: it is never fetched. A ``$ref`` to a file, or
    to anything else outside the schema, is rejected.

    Raises
    ------
    BadSchema
        If the schema is not valid in Draft 4, or cannot be compiled.
    """
    import jsonschema_rs  # noqa: PLC0415 - heavy, and not needed to find a schema

    # `$schema` is an Iglu URI, which names no draft that the library knows
    body = {name: value for name, value in schema.items() if name not in {"$schema", "id", "$id"}}
    try:
        return Validator(body)
    except RecursionError as error:
        raise BadSchema(f"{uri} cannot be used: {error}") from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadSchema(f"{uri} cannot be used: {reason}") from None


def _compile(body: Any) -> Any:
    import jsonschema_rs  # noqa: PLC0415 - as above

    return jsonschema_rs.Draft4Validator(
        body,
        formats=dict(formats.CHECKS),
        validate_formats=True,
        retriever=_reject_reference,
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT),
    )


def _reject_reference(reference: str) -> Any:
    raise ValueError(f"a schema may only refer to itself, not to {reference}")


class _Adapter:
    """Rewrites a schema so that jsonschema-rs validates as Iglu does.

    Parameters
    ----------
    root : any
        The whole schema, which references lead into.
    fast : bool
        Whether formats become patterns, which is faster than calling their functions, but errors would not name them.
    """

    def __init__(self, root: Any, *, fast: bool) -> None:
        self._root, self._fast = root, fast

    def adapt(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return [self.adapt(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        body = {name: self._adapt_keyword(name, value) for name, value in schema.items()}
        conditions: list[dict[str, Any]] = []
        reference = body.pop("$ref", None)
        if isinstance(reference, str) and not is_http_url(reference):
            # an unknown place in the schema fails the data that gets there, and no other
            is_known = not reference.startswith("#") or resolve(self._root, reference) is not None
            conditions.append({"$ref": reference} if is_known else {"not": {}})
        if self._fast and isinstance(body.get("format"), str):
            replacement = formats.as_schema(body["format"])
            if replacement is not None:
                del body["format"]
                conditions.append(replacement)
        return _with_conditions(body, conditions)

    def _adapt_keyword(self, name: str, value: Any) -> Any:
        if name in SUBSCHEMAS:
            return self.adapt(value)
        if name in NAMED_SUBSCHEMAS and isinstance(value, dict):
            is_pattern = name == "patternProperties"
            return {
                java_regex.translate(key) if is_pattern else key: self.adapt(part)
                for key, part in value.items()
            }
        if name == "pattern" and isinstance(value, str):
            return java_regex.translate(value)
        return value


def _with_conditions(body: dict[str, Any], conditions: list[dict[str, Any]]) -> dict[str, Any]:
    """Add schemas that must hold as well."""
    if len(conditions) == 1 and not body.keys() & conditions[0].keys() and "$ref" not in conditions[0]:
        return body | conditions[0]
    if len(conditions) == 1 and not body:
        return conditions[0]
    if conditions:
        body["allOf"] = [*body.get("allOf", ()), *conditions]
    return body
