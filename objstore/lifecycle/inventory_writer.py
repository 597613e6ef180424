"""Files of inventories: CSV, compressed; Parquet and ORC, for which pyarrow has to be installed."""

import csv
import gzip
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any, Protocol

from objstore.lifecycle.inventory_rows import Value

EXTENSIONS = {"CSV": ".csv.gz", "Parquet": ".parquet", "ORC": ".orc"}
_INTEGERS = frozenset({"Size"})
_TRUTHS = frozenset({"IsLatest", "IsDeleteMarker", "IsMultipartUploaded"})
_TIMES = frozenset({"LastModifiedDate", "ObjectLockRetainUntilDate", "LifecycleExpirationDate"})


class Writer(Protocol):
    """Gathers rows in memory, compressed."""

    def add(self, rows: Sequence[Sequence[Value]]) -> None:
        """Some more rows."""
        ...

    def finish(self) -> bytes:
        """The file; nothing can be added any more."""
        ...


def is_available(format_: str) -> bool:
    """Whether files of a format can be written here."""
    return format_ == "CSV" or find_spec("pyarrow") is not None


def writer_of(format_: str, columns: Sequence[str]) -> Writer:
    """A writer; raises ImportError where what it needs is not installed."""
    return _Csv() if format_ == "CSV" else _Arrow(format_, columns)


def schema_text(format_: str, columns: Sequence[str]) -> str:
    """The ``fileSchema`` of a manifest."""
    if format_ == "CSV":
        return ", ".join(columns)
    if format_ == "ORC":
        inner = ",".join(f"{snake(name)}:{_kind(name, 'bigint', 'boolean', 'timestamp', 'string')}" for name in columns)
        return f"struct<{inner}>"
    kinds = [_kind(name, "int64", "boolean", "int64", "binary") for name in columns]
    notes = [_kind(name, "", "", " (TIMESTAMP_MILLIS)", " (UTF8)") for name in columns]
    fields = zip(columns, kinds, notes, strict=True)
    inner = " ".join(f"optional {kind} {snake(name)}{note};" for name, kind, note in fields)
    return f"message s3.inventory {{ {inner} }}"


def snake(name: str) -> str:
    """``IsLatest`` → ``is_latest``: names of columns in Parquet and ORC. ``ETag`` is ``e_tag``, as with AWS."""
    return "".join(f"_{letter.lower()}" if letter.isupper() and i else letter.lower() for i, letter in enumerate(name))


def _kind(name: str, integer: str, truth: str, time: str, text: str) -> str:
    return integer if name in _INTEGERS else truth if name in _TRUTHS else time if name in _TIMES else text


class _Csv:
    """All values are quoted, as in AWS's files; no header: the manifest names the columns."""

    def __init__(self) -> None:
        self._raw = io.BytesIO()
        self._file = io.TextIOWrapper(gzip.GzipFile(fileobj=self._raw, mode="wb", mtime=0), "utf-8", newline="")
        self._csv = csv.writer(self._file, quoting=csv.QUOTE_ALL, lineterminator="\n")

    def add(self, rows: Sequence[Sequence[Value]]) -> None:
        self._csv.writerows([[_text(value) for value in row] for row in rows])

    def finish(self) -> bytes:
        self._file.close()
        return self._raw.getvalue()


class _Arrow:
    """Parquet and ORC; each page of rows is a row group or a stripe of its own, larger ones are made of several."""

    def __init__(self, format_: str, columns: Sequence[str]) -> None:
        import pyarrow

        self._arrow: Any = pyarrow
        types = {"integer": pyarrow.int64(), "truth": pyarrow.bool_(), "text": pyarrow.string()}
        types["time"] = pyarrow.timestamp("ms", tz="UTC")
        kinds = [_kind(name, "integer", "truth", "time", "text") for name in columns]
        self._schema = pyarrow.schema([(snake(name), types[kind]) for name, kind in zip(columns, kinds, strict=True)])
        self._sink = pyarrow.BufferOutputStream()
        self._writer: Any
        if format_ == "ORC":
            from pyarrow import orc

            self._writer = orc.ORCWriter(self._sink, compression="zlib")
        else:
            from pyarrow import parquet

            self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="snappy")
        self._empty = True

    def add(self, rows: Sequence[Sequence[Value]]) -> None:
        if rows:
            columns = [list(values) for values in zip(*rows, strict=True)]
            arrays = [self._arrow.array(values, one.type) for values, one in zip(columns, self._schema, strict=True)]
            self._write(self._arrow.Table.from_arrays(arrays, schema=self._schema))

    def finish(self) -> bytes:
        if self._empty:
            self._write(self._schema.empty_table())
        self._writer.close()
        return bytes(self._sink.getvalue())

    def _write(self, table: Any) -> None:
        self._empty = False
        write = getattr(self._writer, "write_table", None) or self._writer.write
        write(table)


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return str(value)
