"""CSV files: every cell is a string, and every row is accounted for."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from nbtrack.bulk.models import Reason
from nbtrack.bulk.sources.chunks import NO_COLUMN, REASON_COLUMN, SourceError, reason_column
from nbtrack.bulk.sources.paths import COMPRESSED, open_stream, read_tail, reading, show_path
from nbtrack.common.wording import plural

_BLOCK_BYTES = 1 << 20
_MAX_ROW_BYTES = 1 << 26
_DELIMITERS = ";\t|"
_TYPES = ("string", "infer")

_PACKED = "end its name with .gz, .bz2 or .zst"
_NO_UTF_8 = {
    b"PK\x03\x04": ("is an Excel workbook or a ZIP archive", "read it with pandas.read_excel, or unpack it"),
    b"\x1f\x8b": ("is packed by gzip", _PACKED),
    b"BZh": ("is packed by bzip2", _PACKED),
    b"\x28\xb5\x2f\xfd": ("is packed by Zstandard", _PACKED),
    b"\xff\xfe": (
        "is UTF-16, as Excel's Unicode text",
        "pass csv={'encoding': 'utf-16', 'delimiter': '\\t'}",
    ),
    b"\xfe\xff": ("is UTF-16", "pass csv={'encoding': 'utf-16'}"),
}
"""What files begin with that are no UTF-8, what they are, and what to do."""


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How CSV files are written; the values of ``csv={…}``.

    Parameters
    ----------
    delimiter
        Sign between fields; a tab for ``.tsv`` files and a comma for others by default.
    quote
        Sign around fields; None if there is none.
    encoding
        Encoding of the text; a byte order mark is skipped.
    header
        Whether the first row holds the names of the columns; or the names.
    decimal
        Decimal sign of numbers.
    null
        Strings that mean a missing value, besides an empty unquoted field.
    types
        ``"string"``, or ``"infer"`` to read whole columns of numbers, bools and times as such.
    """

    delimiter: str | None = None
    quote: str | None = '"'
    encoding: str = "utf-8"
    header: bool | Sequence[str] = True
    decimal: str = "."
    null: str | Sequence[str] = ()
    types: Literal["string", "infer"] = "string"

    @classmethod
    def read(cls, options: Any) -> "CsvOptions":
        """Return checked options.

        Raises
        ------
        TypeError, ValueError
            If an option is unknown or wrong; the message names it.
        """
        if options is None:
            return cls()
        names = [option.name for option in fields(cls)]
        if not isinstance(options, Mapping):
            raise TypeError(f"csv must be a dict of options ({', '.join(names)}), got {options!r}")
        if unknown := [name for name in options if name not in names]:
            raise TypeError(f"csv: unknown option {unknown[0]!r}; options are: {', '.join(names)}")
        read = cls(**options)
        for name in ("delimiter", "quote", "decimal"):
            sign = getattr(read, name)
            if sign is None and name != "decimal":
                continue
            if not isinstance(sign, str) or len(sign) != 1 or not sign.isascii() or sign in "\r\n":
                raise ValueError(f"csv: {name} must be one ASCII character, got {sign!r}")
        if read.types not in _TYPES:
            raise ValueError(f"csv: types must be one of {', '.join(map(repr, _TYPES))}, got {read.types!r}")
        try:
            "".encode(read.encoding)
        except (LookupError, TypeError):
            raise ValueError(f"csv: unknown encoding {read.encoding!r}") from None
        return read

    def nulls(self) -> list[str]:
        """Return the strings that mean a missing value."""
        return ["", *([self.null] if isinstance(self.null, str) else self.null)]


class CsvFile:
    """One CSV file."""

    rows = None

    def __init__(self, path: str, options: CsvOptions) -> None:
        self._source, self.path, self._options = path, show_path(path), options
        suffixes = [suffix.lower() for suffix in Path(self.path).suffixes]
        self._delimiter = options.delimiter or ("\t" if ".tsv" in suffixes else ",")
        first, self._is_empty = self._read_first_record()
        if isinstance(options.header, bool):
            self.names = first if options.header else [str(index) for index in range(len(first))]
        else:
            self.names = list(options.header)
        if options.header is not True:
            self._is_empty = not first
        self._types: dict[str, str] = {}

    @property
    def hint(self) -> str:
        """What to try if a column is missing."""
        if self.names[0].startswith("sep="):
            return "the first line is Excel's, which only names the delimiter: remove it, and pass csv={'delimiter': …}"
        other = [sign for sign in _DELIMITERS if sign != self._delimiter and sign in self.names[0]]
        if len(self.names) == 1 and other:
            return f"the header has one field, {self.names[0]!r}: pass csv={{'delimiter': {other[0]!r}}}"
        return ""

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows of some columns as strings, with the reason for each row that cannot be read."""
        if self._is_empty:
            return
        indexes = {name: index for index, name in reversed(list(enumerate(self.names)))}  # the first of each
        selected = [(name, indexes[name]) for name in columns if name in indexes]
        bad_rows: list[tuple[int, Reason]] = []  # number and reason, of rows that were not yielded yet
        row = 2 if self._options.header is True else 1
        for batch in self._read([index for _, index in selected] or [0], bad_rows):
            names = [name for name, _ in selected]
            arrays = [batch.column(index) for index in range(len(selected))]
            table = pa.table(arrays or [pa.nulls(batch.num_rows)], names=names or [NO_COLUMN])
            row, table = _insert_bad_rows(table, row, bad_rows, last=False)
            yield table
        if bad_rows:
            empty = pa.table(
                [pa.nulls(0, pa.string()) for _ in selected] or [pa.nulls(0)],
                names=[name for name, _ in selected] or [NO_COLUMN],
            )
            yield _insert_bad_rows(empty, row, bad_rows, last=True)[1]

    def infer_types(self) -> dict[str, str]:
        """Read the whole file, and return the type of each column whose every value can be written back unchanged."""
        candidates: dict[str, dict[str, Callable[[pa.Array], bool]]] = {
            name: dict(_INFERRED) for name in self.names if self.names.count(name) == 1
        }
        seen: set[str] = set()
        for table in self.tables(list(candidates)):
            for name, types in candidates.items():
                column = table.column(name).drop_null()
                if not len(column):
                    continue
                seen.add(name)
                for type_ in [type_ for type_, fits in types.items() if not fits(column)]:
                    del types[type_]
        return {name: next(iter(types)) for name, types in candidates.items() if types and name in seen}

    def _open(self) -> Any:
        with reading(self._source):
            return open_stream(self._source)

    def _read_first_record(self) -> tuple[list[str], bool]:
        """Return the fields of the first record, and whether there is no other one."""
        size, text, end = _BLOCK_BYTES, "", False
        encoding = (
            "utf-8-sig" if self._options.encoding.lower() in {"utf-8", "utf8"} else self._options.encoding
        )
        while True:
            with self._open() as stream, reading(self._source):
                data = stream.read(size + 1)
            end = len(data) <= size
            try:
                text = data.decode(encoding, "strict" if end else "ignore")
            except UnicodeError:
                raise self._encoding_error() from None
            quote = self._options.quote
            reader = csv.reader(
                io.StringIO(text, newline=""),
                delimiter=self._delimiter,
                quotechar=quote or "\0",
                quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            )
            csv.field_size_limit(max(csv.field_size_limit(), _MAX_ROW_BYTES))
            records = (record for record in reader if record)
            first, second = next(records, None), next(records, None)
            if second is not None or end:
                break
            if size >= _MAX_ROW_BYTES:
                raise self._row_error()
            size *= 8
        if first is None:
            raise SourceError(
                f"{self.path} is empty; a CSV file needs a header, or csv={{'header': [names]}}"
            )
        return first, second is None

    def _read(self, indexes: Sequence[int], bad_rows: list[tuple[int, Reason]]) -> Iterator[pa.RecordBatch]:
        names = [str(index) for index in range(len(self.names))]
        open_quotes: list[int] = []
        last = pa.array([], pa.string())

        def skip(row: arrow_csv.InvalidRow) -> str:
            if self._options.quote and "\n" in row.text and row.text.count(self._options.quote) % 2:
                open_quotes.append(row.number)
            fields = plural(row.actual_columns, "field")
            rule = f"{self.path}: row does not have {plural(row.expected_columns, 'field')}"
            text = f"{self.path}, line {row.number}: {fields}, expected {row.expected_columns}"
            reason = Reason(rule, f"{fields} in line {row.number}", text)
            bad_rows.append((row.number, reason))
            return "skip"

        options = self._options
        with self._open() as stream:
            try:
                reader = arrow_csv.open_csv(
                    stream,
                    arrow_csv.ReadOptions(
                        use_threads=False,  # rows have numbers only then
                        block_size=_BLOCK_BYTES * 4,
                        column_names=names,
                        skip_rows_after_names=1 if options.header is True else 0,
                        encoding=options.encoding,
                    ),
                    arrow_csv.ParseOptions(
                        delimiter=self._delimiter,
                        quote_char=options.quote or False,
                        newlines_in_values=options.quote is not None,
                        invalid_row_handler=skip,
                    ),
                    arrow_csv.ConvertOptions(
                        column_types=dict.fromkeys(names, pa.string()),
                        include_columns=[names[index] for index in [*indexes, len(names) - 1]],
                        null_values=options.nulls(),
                        strings_can_be_null=True,
                        quoted_strings_can_be_null=False,
                    ),
                )
                for batch in reader:
                    last = batch.column(len(indexes))
                    yield batch
                if open_quotes or self._ends_in_quote(last):
                    raise self._row_error()
            except UnicodeError:
                raise self._encoding_error() from None
            except (pa.ArrowException, OSError) as error:
                message = str(error)
                if "UTF8" in message:
                    raise self._encoding_error() from None
                if "straddl" in message:
                    raise self._row_error() from None
                if "Empty CSV" in message:
                    return
                raise SourceError(f"cannot read {self.path}: {message}") from None

    def _ends_in_quote(self, last: pa.Array) -> bool:
        """Check whether the last field of the file begins with a quote that is not closed."""
        value = last[-1].as_py() if len(last) else None
        quote = self._options.quote
        if quote is None or value is None or "\n" not in value or Path(self.path).suffix in COMPRESSED:
            return False
        return not read_tail(self._source, 1_024).rstrip(b"\r\n\0").endswith(quote.encode())

    def _encoding_error(self) -> SourceError:
        with self._open() as stream, reading(self._source):
            head = bytes(stream.read(4))
        encoding = self._options.encoding.upper()
        known = _NO_UTF_8 if encoding in {"UTF-8", "UTF8"} else {}
        what, advice = next(
            (found for begin, found in known.items() if head.startswith(begin)),
            (f"is not valid {encoding}", "pass its encoding, such as csv={'encoding': 'latin-1'}"),
        )
        return SourceError(f"{self.path} {what}; {advice}")

    def _row_error(self) -> SourceError:
        return SourceError(
            f"{self.path}: a quote is not closed, or a row is too long; "
            "pass csv={'quote': None} if the file does not use quotes"
        )


def _insert_bad_rows(
    table: pa.Table, row: int, bad_rows: list[tuple[int, Reason]], *, last: bool
) -> tuple[int, pa.Table]:
    """Insert the rows that cannot be read where they belong, as nulls with a reason; return the next row's number too.

    Parameters
    ----------
    table
        Rows that were read one after the other, without the bad ones.
    row
        Number in the file of the next row.
    bad_rows
        Number and reason of bad rows, in order; those that are inserted are removed.
    last
        Whether all the remaining ones are inserted.
    """
    inserted: dict[int, Reason] = {}
    indexes: list[int | None] = []
    good = 0
    while bad_rows and (last or bad_rows[0][0] <= row + len(indexes) + table.num_rows - good):
        number, reason = bad_rows[0]
        before = number - row - len(indexes)
        if before > table.num_rows - good:
            break
        indexes += range(good, good + before)
        good += before
        inserted[len(indexes)] = reason
        indexes.append(None)
        del bad_rows[0]
    if not inserted:
        reasons = pa.nulls(table.num_rows, pa.string())
        return row + table.num_rows, table.append_column(REASON_COLUMN, reasons)
    indexes += range(good, table.num_rows)
    taken = table.take(pa.array(indexes, pa.int64()))
    return row + len(indexes), taken.append_column(REASON_COLUMN, reason_column(inserted, len(indexes)))


def _matches(pattern: str) -> Callable[[pa.Array], bool]:
    return lambda column: bool(pc.all(pc.match_substring_regex(column, f"^(?:{pattern})$")).as_py())


def _round_trips(type_: pa.DataType) -> Callable[[pa.Array], bool]:
    def fits(column: pa.Array) -> bool:
        try:
            return bool(pc.all(pc.equal(column.cast(type_).cast(pa.string()), column)).as_py())
        except pa.ArrowException:
            return False

    return fits


_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_INFERRED: dict[str, Callable[[pa.Array], bool]] = {
    "int": _round_trips(pa.int64()),
    "float": _round_trips(pa.float64()),
    "bool": _matches("true|false"),
    "datetime": _matches(
        rf"{_DATE}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}([.][0-9]+)?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"
    ),
}
