"""Events in files: JSON Lines, CSV and Parquet, by input.

A folder holds a file an input, `purchases.jsonl` (or .ndjson, .csv, .parquet) and so on; those that
are missing have no events. A single file is named after its input, or has an `input` field in every
row. CSV and Parquet have a column a field; an empty cell is a field that is not there. In CSV a
number or a time in milliseconds is written as in JSON; a Parquet timestamp without a zone is UTC.
"""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from polars import selectors

from detectors.observations import Input
from schemas.dead_letters import RejectReason
from schemas.events import EVENTS
from streams.errors import InputError
from streams.sources.rows import CHUNK, INPUTS, Refused, Rows, in_time_order, sort_out

FORMATS = (".jsonl", ".ndjson", ".csv", ".parquet")

_ACCEPTED = "Accepted: .jsonl, .ndjson, .csv or .parquet; in a folder purchases.jsonl, visits.csv …"


def find(path: Path) -> dict[Path, Input | None]:
    """The files at `path` and the input of each; None: every row names its own.

    Raises:
        InputError: there is nothing to read, or two files for one input.
    """
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path), remedy=_ACCEPTED)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = {
        file: INPUTS.get(file.stem.lower())
        for file in files
        if file.suffix.lower() in FORMATS and (file == path or file.stem.lower() in INPUTS)
    }
    if not found:
        raise InputError("nothing here can be read", where=str(path), remedy=_ACCEPTED)
    for source in found.values():
        same = [file.name for file, of in found.items() if of is source]
        if len(same) > 1:
            remedy = "Keep one of them, or give it alone."
            raise InputError(f"{' and '.join(same)} are one input", where=str(path), remedy=remedy)
    return found


def by_input(
    path: Path, refused: list[Refused], *, as_written: bool = False
) -> dict[Input, Iterator[Rows]]:
    """Each input's rows by event time, or as written; what is refused on the way is appended.

    Raises:
        InputError: see `find` and `read`; or the rows of several inputs are wanted as written,
            which says nothing about the order between them in a topic.
    """
    found = find(path)
    if None not in found.values():
        rows = {of: _kept(read(file, of), refused) for file, of in found.items() if of is not None}
        return rows if as_written else {of: in_time_order(parts) for of, parts in rows.items()}
    if as_written:
        remedy = "Accepted: a folder with a file an input."
        raise InputError("its rows have no order as written", where=str(path), remedy=remedy)
    (file,) = found
    mixed = list(_kept(read(file, None), refused))
    return {
        of: in_time_order([part for part in mixed if part.source is of])
        for of in {part.source for part in mixed}
    }


def _kept(parts: Iterable[Rows | Refused], refused: list[Refused]) -> Iterator[Rows]:
    for part in parts:
        if isinstance(part, Refused):
            refused.append(part)
        else:
            yield part


def read(path: Path, source: Input | None) -> Iterator[Rows | Refused]:
    """The rows of one file, in its order, some thousands at once.

    Raises:
        InputError: the file as a whole cannot be read.
    """
    reader = {".csv": _csv, ".parquet": _parquet}.get(path.suffix.lower(), _json_lines)
    try:
        yield from reader(path, source)
    except (OSError, csv.Error, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path), remedy=_ACCEPTED) from error


def _json_lines(path: Path, source: Input | None) -> Iterator[Rows | Refused]:
    with path.open("rb") as file:
        lines = enumerate(file, 1)
        while block := list(islice(lines, CHUNK)):
            stripped = [(line, text.strip()) for line, text in block]
            kept = [(line, text) for line, text in stripped if text]
            yield from sort_out(
                path, source, [text for _, text in kept], [line for line, _ in kept]
            )


def _csv(path: Path, source: Input | None) -> Iterator[Rows | Refused]:
    name = "" if source is None else source.name.lower()
    # what is not UTF-8 comes through as surrogates, which no JSON text can hold: a row of its own
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        names = [cell.strip() for cell in next(reader, [])]
        columns = [(at, _FROM_TEXT.get(at, str)) for at in names]
        numbered = ((reader.line_num, cells) for cells in reader)
        while block := list(islice(numbered, CHUNK)):
            values, lines = [], []
            for line, cells in block:
                if len(cells) > len(names):
                    message = f"has {len(cells)} cells; accepted: {len(names)}, as in the header"
                    text = ",".join(cells).encode(errors="surrogateescape")
                    yield Refused(path, line, name, RejectReason.WRONG_TYPE, message, text)
                elif cells:
                    pairs = zip(columns, cells, strict=False)
                    values.append(_json({at: read(cell) for (at, read), cell in pairs if cell}))
                    lines.append(line)
            yield from sort_out(path, source, values, lines)


def _parquet(path: Path, source: Input | None) -> Iterator[Rows | Refused]:
    frame = pl.scan_parquet(path).with_columns(
        selectors.datetime().dt.epoch("ms"), selectors.decimal().cast(pl.Float64)
    )
    first = 0
    while (part := frame.slice(first, CHUNK).collect()).height:
        rows = [
            {
                name: str(value) if name in _TEXTS and isinstance(value, int) else value
                for name, value in row.items()
                if value is not None
            }
            for row in part.iter_rows(named=True)
        ]
        lines = range(first + 1, first + 1 + part.height)
        yield from sort_out(path, source, [_json(row) for row in rows], lines)
        first += part.height


def _json(row: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(row)
    except UnicodeEncodeError:
        return repr(row).encode(errors="surrogateescape")  # no JSON: refused where it is decoded


def _number(cell: str) -> object:
    try:
        return cell if "_" in cell else float(cell)
    except ValueError:
        return cell  # its decoding says what is wrong with it


def _integer(cell: str) -> object:
    return int(cell) if cell.isascii() and cell.isdigit() else cell


def _boolean(cell: str) -> object:
    return {"true": True, "false": False}.get(cell.lower(), cell)


def _readers() -> dict[str, Any]:
    """How a cell of each field becomes JSON: what the schemas say its type is."""
    _, definitions = msgspec.json.schema_components(EVENTS.values())
    readers: dict[str, Any] = {}
    for event in EVENTS.values():
        for name, schema in definitions[event.__name__]["properties"].items():
            types = {part.get("type") for part in schema.get("anyOf", [schema])}
            for kind, reader in _READERS.items():
                if kind in types:
                    readers[name] = reader
    return readers


_READERS = {"boolean": _boolean, "number": _number, "integer": _integer}
_FROM_TEXT = _readers()
_TEXTS = {name for event in EVENTS.values() for name in event.__struct_fields__} - set(_FROM_TEXT)
