"""Records in their ordinary form to observations, in one compiled pass over the bytes.

Ordinary is what producers write nearly always: a JSON object with the contract's own fields, each
once, texts of printable ASCII without escapes, numbers of at most 15 digits or so, and no more than
plain values in fields that no contract names. What it takes, `schemas.decode.read` takes too, and
to the same observation (tests hold the two beside each other). Everything else is left to that,
which has the last word and the reason: a record that is left costs time, never an event.

What is ordinary in an input says `forms`; its fields' values are read by `values`, and what JSON is
made of by `lexemes`.
"""

from math import inf, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.addresses import Address, address_of, byte
from detectors.compiled import Bytes, Row, Rows, by_name, kernel
from detectors.index import hash_bytes
from detectors.observations import OBSERVATION, Input
from schemas.events import EARLIEST_MS, MAX_RECORD_BYTES
from streams.kafka.columns import KEY_END, KEY_START, VALUE_END, VALUE_START, Fetched
from streams.partition.forms import NAME_END, NAME_START, form
from streams.partition.lexemes import CLOSE, COLON, COMMA, OPEN, QUOTE, blank, passed, text_end
from streams.partition.values import content, is_text

_OTHER = -1  # of a field: no contract names it


class Scanned(NamedTuple):
    """The ordinary records of a fetch: which they are, what they say; and which are not."""

    observations: NDArray[np.void]
    rows: NDArray[np.int64]
    ids: Bytes  # event ids, one after the other; the observations say where
    left: NDArray[np.int64]


def scan(source: Input, fetched: Fetched, latest_allowed: float | None) -> Scanned:
    """Read what is ordinary; everything but the customers' rows is set."""
    columns = fetched.columns
    observations = np.zeros(len(columns), OBSERVATION)
    observations["input"] = source
    rows = np.empty(len(columns), np.int64)
    left = np.empty(len(columns), np.int64)
    data = np.frombuffer(fetched.data, np.uint8)
    ids = np.empty(len(data), np.uint8)
    latest = inf if latest_allowed is None else latest_allowed
    with np.errstate(over="ignore"):  # hashes are modulo 2**64
        size, used = _scan(
            by_name(form(source)), data, columns, latest, by_name(observations), rows, left, ids
        )
    others = len(columns) - size
    return Scanned(observations[:size], rows[:size], ids[:used].copy(), left[:others])


@kernel
def _scan(
    forms: Rows,
    buffer: Bytes,
    columns: NDArray[np.int64],
    latest: float,
    out: Rows,
    rows: NDArray[np.int64],
    left: NDArray[np.int64],
    id_buffer: Bytes,
) -> tuple[int, int]:
    """How many records are ordinary, and how many bytes their ids have."""
    form = forms[0]
    data, ids = address_of(buffer), address_of(id_buffer)
    size, used, others = 0, 0, 0
    for i in range(columns.shape[0]):
        key = columns[i, KEY_START], columns[i, KEY_END]
        start, end = columns[i, VALUE_START], columns[i, VALUE_END]
        behind = -1
        if key[0] < key[1] and end >= 0 and end - start + key[1] - key[0] <= MAX_RECORD_BYTES:
            behind = _record(form, data, start, end, key, latest, out[size], ids, used)
        if behind >= 0:
            out[size].id_hash = hash_bytes(id_buffer, used, behind)
            used = behind
            rows[size] = i
            size += 1
        else:
            left[others] = i
            others += 1
    return size, used


@kernel
def _record(
    form: Row,
    data: Address,
    at: int,
    end: int,
    key: tuple[int, int],
    latest: float,
    row: Row,
    ids: Address,
    used: int,
) -> int:
    """Where the next event id goes in `ids`; -1 when the record is not ordinary."""
    row.amount = row.value = row.extra = nan
    row.kind = row.currency = 0
    row.id_start = used
    seen, field = 0, _OTHER
    at = blank(data, at, end)
    if at >= end or byte(data, at) != OPEN:
        return -1
    while at >= end or byte(data, at) != CLOSE:
        field, at = _name(form, data, at + 1, end, field + 1)
        if at < 0:
            return -1
        if field == _OTHER:
            at = passed(data, at, end)
        else:
            if seen >> field & 1:
                return -1
            seen |= 1 << field
            at, used = content(form, data, at, end, field, key, row, ids, used)
        at = _behind(data, at, end)
        if at < 0:
            return -1
    if blank(data, at + 1, end) < end or seen & form.required != form.required:
        return -1
    if not (EARLIEST_MS / 1000 <= row.event_time <= latest):
        return -1
    row.effective_time = row.event_time
    row.id_end = used
    return used


@kernel
def _name(form: Row, data: Address, at: int, end: int, guess: int) -> tuple[int, int]:
    """The field whose name comes next, and where its value begins; (-1, -1): none does."""
    at = blank(data, at, end)
    if at >= end or byte(data, at) != QUOTE:
        return _OTHER, -1
    field, at = _field(form, data, at + 1, end, guess)
    if at < 0:
        return _OTHER, -1
    at = blank(data, at + 1, end)
    if at >= end or byte(data, at) != COLON:
        return _OTHER, -1
    at = blank(data, at + 1, end)
    return field, (at if at < end else -1)


@kernel
def _behind(data: Address, at: int, end: int) -> int:
    """The comma or the closing brace behind a value that ends at `at`; -1 for anything else."""
    if at < 0:
        return -1
    at = blank(data, at, end)
    return at if at < end and (byte(data, at) == COMMA or byte(data, at) == CLOSE) else -1


@kernel
def _field(form: Row, data: Address, at: int, end: int, guess: int) -> tuple[int, int]:
    """Which field has the name that begins at `at`, and where its closing quote is.

    Producers write the fields in one order, so `guess` is mostly right.
    """
    count = form.count
    for i in range(count):
        field = guess + i if guess + i < count else guess + i - count
        begin = form.fields[field, NAME_START]
        size = form.fields[field, NAME_END] - begin
        if (
            end - at > size
            and byte(data, at + size) == QUOTE
            and is_text(form, begin, data, at, size)
        ):
            return field, at + size
    return _OTHER, text_end(data, at, end)
