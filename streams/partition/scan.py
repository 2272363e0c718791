"""Records in their ordinary form to observations, in one compiled pass over the bytes.

Ordinary is what producers write nearly always: a JSON object with the contract's own fields, each
once, texts of printable ASCII without escapes, numbers of at most 15 digits or so, and no more than
plain values in fields that no contract names. What it takes, `schemas.decode.read` takes too, and
to the same observation (tests hold the two beside each other). Everything else is left to that,
which has the last word and the reason: a record that is left costs time, never an event.

The form of an input comes from its Struct, so that bounds stand in one place.
"""

from functools import cache
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from msgspec import inspect
from numpy.typing import NDArray

from detectors.compiled import Bytes, Row, Rows, borrowed, by_name, kernel
from detectors.index import hash_bytes, same_bytes
from detectors.observations import OBSERVATION, Input
from schemas.events import EARLIEST_MS, EVENTS, LATEST_MS, MAX_ID_CHARACTERS, MAX_RECORD_BYTES
from streams.kafka.columns import KEY_END, KEY_START, VALUE_END, VALUE_START, Fetched
from streams.partition.fields import COLUMNS, WORDS
from streams.partition.instants import instant

# How a field is written.
_ID, _KEY, _TIME, _CURRENCY, _TEXT, _WORD, _NUMBER, _WHOLE, _FLAG = range(9)
# Where it goes; the names are those of `OBSERVATION`.
_PLACES = ("", "event_time", "amount", "value", "extra", "kind", "currency")
_NOWHERE, _EVENT_TIME, _AMOUNT, _VALUE, _EXTRA, _KIND, _CODE = range(7)


# Columns of a form's fields and bounds.
_NAME_START, _NAME_END, _TYPE, _PLACE, _OPTIONAL, _FIRST_WORD, _LAST_WORD = range(7)
_LEAST, _ABOVE, _MOST = range(3)


class Form(NamedTuple):
    """What is ordinary in an input. A row a field, in the contract's order."""

    fields: NDArray[np.int64]
    bounds: NDArray[np.float64]  # of numbers, and of texts' lengths
    words: NDArray[np.int64]  # start and end of each word in `texts`
    texts: Bytes  # the names, and the words of closed lists
    required: int  # bit i: field i


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
            *form(source), data, columns, latest, by_name(observations), rows, left, ids
        )
    others = len(columns) - size
    return Scanned(observations[:size], rows[:size], ids[:used].copy(), left[:others])


@cache
def form(source: Input) -> Form:
    """What is ordinary in this input."""
    struct: Any = inspect.type_info(list(EVENTS.values())[source])
    fields: list[list[int]] = []
    bounds: list[tuple[float, float, float]] = []
    words: list[tuple[int, int]] = []
    texts = ""
    for described in struct.fields:
        field = _Field(source, described)
        name = len(texts), len(texts) + len(field.name)
        texts += field.name
        first = len(words)
        for word in field.words:
            words.append((len(texts), len(texts) + len(word)))
            texts += word
        fields.append([*name, field.type, field.place, field.optional, first, len(words)])
        bounds.append((field.least, field.above, field.most))
    required = sum(1 << i for i, field in enumerate(struct.fields) if field.required)
    return Form(
        np.array(fields, np.int64),
        np.array(bounds),
        np.array(words, np.int64).reshape(-1, 2),
        np.frombuffer(texts.encode(), np.uint8),
        required,
    )


class _Field:
    """A field of a Struct, as its type says."""

    def __init__(self, source: Input, field: inspect.Field) -> None:
        self.name = field.encode_name
        self.place = _PLACES.index(COLUMNS[source].get(self.name, ""))
        kinds = _kinds(field.type)
        self.optional = any(isinstance(kind, inspect.NoneType) for kind in kinds)
        plain = [kind for kind in kinds if not isinstance(kind, inspect.NoneType)]
        kind: Any = plain[0]
        self.words: tuple[str, ...] = ()
        self.least, self.above, self.most = 0.0, -inf, inf
        if len(plain) > 1:  # text or milliseconds
            self.type = _TIME
        elif isinstance(kind, inspect.LiteralType):
            self.type = _WORD
            self.words = WORDS[source, self.name]
        elif isinstance(kind, inspect.BoolType):
            self.type = _FLAG
        elif isinstance(kind, inspect.StrType):
            self.type = {"event_id": _ID, "customer_id": _KEY, "currency": _CURRENCY}.get(
                self.name, _TEXT
            )
            self.least, self.most = kind.min_length or 0, kind.max_length or inf
        else:
            self.type = _WHOLE if isinstance(kind, inspect.IntType) else _NUMBER
            self.least = 0.0 if kind.ge is None else kind.ge
            self.above = -inf if kind.gt is None else kind.gt
            self.most = inf if kind.le is None else kind.le


def _kinds(kind: inspect.Type) -> list[inspect.Type]:
    """The parts of a union, at any depth, without what only describes them."""
    if isinstance(kind, inspect.Metadata):
        return _kinds(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [part for one in kind.types for part in _kinds(one)]
    return [kind]


# --- the pass -------------------------------------------------------------------------------------

_POWERS = 10.0 ** np.arange(19)
_LARGEST = 1 << 53  # whole numbers up to it are exact, and their quotients by powers of ten rounded
_DIGITS = 18
_QUOTE, _BACKSLASH, _SPACE, _DELETE = 34, 92, 32, 127
_ZERO, _NINE, _POINT, _MINUS = 48, 57, 46, 45
_COMMA, _COLON, _OPEN, _CLOSE = 44, 58, 123, 125
_STOPS = np.ones(256, np.bool_)
_STOPS[_SPACE:_DELETE] = False
_STOPS[[_QUOTE, _BACKSLASH]] = True
_TRUE, _FALSE, _NULL = (np.frombuffer(word, np.uint8) for word in (b"true", b"false", b"null"))
_A, _Z = 65, 90
_OTHER = -1  # of a field: no contract names it


@kernel
def _scan(
    fields: NDArray[np.int64],
    bounds: NDArray[np.float64],
    words: NDArray[np.int64],
    texts: Bytes,
    required: int,
    data: Bytes,
    columns: NDArray[np.int64],
    latest: float,
    out: Rows,
    rows: NDArray[np.int64],
    left: NDArray[np.int64],
    ids: Bytes,
) -> tuple[int, int]:
    fields, bounds, words = borrowed(fields), borrowed(bounds), borrowed(words)
    texts, data, ids = borrowed(texts), borrowed(data), borrowed(ids)
    size, used, others = 0, 0, 0
    for i in range(columns.shape[0]):
        key_start, key_end = columns[i, KEY_START], columns[i, KEY_END]
        start, end = columns[i, VALUE_START], columns[i, VALUE_END]
        behind = -1
        if (
            key_start < key_end
            and end >= 0
            and end - start + key_end - key_start <= MAX_RECORD_BYTES
        ):
            behind = _record(
                fields,
                bounds,
                words,
                texts,
                required,
                data,
                start,
                end,
                key_start,
                key_end,
                latest,
                out[size],
                ids,
                used,
            )
        if behind >= 0:
            used = behind
            rows[size] = i
            size += 1
        else:
            left[others] = i
            others += 1
    return size, used


@kernel
def _record(
    fields: NDArray[np.int64],
    bounds: NDArray[np.float64],
    words: NDArray[np.int64],
    texts: Bytes,
    required: int,
    data: Bytes,
    at: int,
    end: int,
    key_start: int,
    key_end: int,
    latest: float,
    row: Row,
    ids: Bytes,
    used: int,
) -> int:
    """Where the next event id goes in `ids`; -1 when the record is not ordinary."""
    row.amount = row.value = row.extra = nan
    row.kind = row.currency = 0
    row.id_start = used
    seen, field = 0, -1
    at = _blank(data, at, end)
    if at >= end or data[at] != _OPEN:
        return -1
    while True:
        at = _blank(data, at + 1, end)  # behind the brace, or the comma
        if at >= end or data[at] != _QUOTE:
            return -1
        field, at = _field(fields, texts, data, at + 1, end, field + 1)
        if at < 0:
            return -1
        at = _blank(data, at + 1, end)
        if at >= end or data[at] != _COLON:
            return -1
        at = _blank(data, at + 1, end)
        if at >= end:
            return -1
        if field == _OTHER:
            at = _passed(data, at, end)
        elif seen >> field & 1:
            return -1
        else:
            seen |= 1 << field
            if data[at] == _NULL[0]:
                at = _word_end(data, at, end, _NULL) if fields[field, _OPTIONAL] else -1
            elif fields[field, _TYPE] == _ID:
                at, used = _id(bounds, data, at, end, field, ids, used)
            elif fields[field, _TYPE] == _KEY:
                at = _key(data, at, end, key_start, key_end)
            else:
                at, value = _value(fields, bounds, words, texts, data, at, end, field)
                if at >= 0:
                    _put(row, fields[field, _PLACE], value)
        if at < 0:
            return -1
        at = _blank(data, at, end)
        if at >= end:
            return -1
        if data[at] == _CLOSE:
            break
        if data[at] != _COMMA:
            return -1
    if _blank(data, at + 1, end) < end or seen & required != required:
        return -1
    if not (EARLIEST_MS / 1000 <= row.event_time <= latest):
        return -1
    row.effective_time = row.event_time
    row.id_end = used
    row.id_hash = hash_bytes(ids, row.id_start, used)
    return used


@kernel
def _put(row: Row, place: int, value: float) -> None:
    if place == _EVENT_TIME:
        row.event_time = value
    elif place == _AMOUNT:
        row.amount = value
    elif place == _VALUE:
        row.value = value
    elif place == _EXTRA:
        row.extra = value
    elif place == _KIND:
        row.kind = int(value)
    elif place == _CODE:
        row.currency = int(value)


@kernel
def _blank(data: Bytes, at: int, end: int) -> int:
    """Behind white space."""
    while at < end and (data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@kernel
def _text_end(data: Bytes, at: int, end: int) -> int:
    """The closing quote of a text; -1 where it is not printable ASCII without escapes."""
    while at < end:
        if _STOPS[data[at]]:
            return at if data[at] == _QUOTE else -1
        at += 1
    return -1


@kernel
def _word_end(data: Bytes, at: int, end: int, word: Bytes) -> int:
    """Behind true, false or null; -1 when it is not there."""
    size = word.shape[0]
    if end - at < size or not same_bytes(data, at, word, 0, size):
        return -1
    return at + size


@kernel
def _field(
    fields: NDArray[np.int64], texts: Bytes, data: Bytes, at: int, end: int, guess: int
) -> tuple[int, int]:
    """Which field has the name that begins at `at`, and where its closing quote is.

    Producers write the fields in one order, so `guess` is mostly right.
    """
    count = fields.shape[0]
    for i in range(count):
        field = guess + i if guess + i < count else guess + i - count
        begin = fields[field, _NAME_START]
        size = fields[field, _NAME_END] - begin
        if (
            end - at > size
            and data[at + size] == _QUOTE
            and same_bytes(texts, begin, data, at, size)
        ):
            return field, at + size
    return _OTHER, _text_end(data, at, end)


@kernel
def _id(
    bounds: NDArray[np.float64], data: Bytes, at: int, end: int, field: int, ids: Bytes, used: int
) -> tuple[int, int]:
    """Behind the event id, and where it ends in `ids`."""
    if data[at] != _QUOTE:
        return -1, used
    start = at + 1
    at = _text_end(data, start, end)
    if at < 0 or not bounds[field, _LEAST] <= at - start <= bounds[field, _MOST]:
        return -1, used
    for i in range(start, at):
        ids[used] = data[i]
        used += 1
    return at + 1, used


@kernel
def _key(data: Bytes, at: int, end: int, key_start: int, key_end: int) -> int:
    """Behind the customer's id, which is the key; a key that is too long is left."""
    if data[at] != _QUOTE:
        return -1
    start = at + 1
    at = _text_end(data, start, end)
    size = key_end - key_start
    if (
        at - start != size
        or size > MAX_ID_CHARACTERS
        or not same_bytes(data, start, data, key_start, size)
    ):
        return -1
    return at + 1


@kernel
def _value(
    fields: NDArray[np.int64],
    bounds: NDArray[np.float64],
    words: NDArray[np.int64],
    texts: Bytes,
    data: Bytes,
    at: int,
    end: int,
    field: int,
) -> tuple[int, float]:
    """Behind a value of the field's type, and the number that stands for it; -1 for any other."""
    kind = fields[field, _TYPE]
    if kind in (_NUMBER, _WHOLE):
        at, value = _number(data, at, end, kind == _WHOLE)
        fits = (
            bounds[field, _LEAST] <= value <= bounds[field, _MOST] and value > bounds[field, _ABOVE]
        )
        return (at if fits else -1), value
    if kind == _FLAG:
        if data[at] == _TRUE[0]:
            return _word_end(data, at, end, _TRUE), 1.0
        return _word_end(data, at, end, _FALSE), 0.0
    if data[at] != _QUOTE:
        if kind != _TIME:
            return -1, nan
        at, value = _number(data, at, end, True)
        return (at if EARLIEST_MS <= value <= LATEST_MS else -1), value / 1000
    start = at + 1
    at = _text_end(data, start, end)
    size = at - start
    if at < 0:
        return -1, nan
    if kind == _TIME:
        value = instant(data, start, size)
        return (at + 1 if value >= EARLIEST_MS / 1000 else -1), value
    if kind == _CURRENCY:
        value = _currency(data, start, at) if size == 3 else -1.0
        return (at + 1 if value > 0 else -1), value
    if kind == _WORD:
        first = fields[field, _FIRST_WORD]
        for word in range(first, fields[field, _LAST_WORD]):
            begin = words[word, 0]
            if words[word, 1] - begin == size and same_bytes(texts, begin, data, start, size):
                return at + 1, float(word - first)
        return -1, nan
    return (at + 1 if size <= bounds[field, _MOST] else -1), nan


@kernel
def _currency(data: Bytes, start: int, end: int) -> float:
    """Three capitals as a big-endian number; -1 for anything else."""
    code = 0
    for i in range(start, end):
        if not _A <= data[i] <= _Z:
            return -1.0
        code = code << 8 | int(data[i])
    return float(code)


@kernel
def _number(data: Bytes, at: int, end: int, whole: bool) -> tuple[int, float]:
    """Behind a number without sign and exponent, and the float64 that is nearest to it."""
    first, mantissa, decimals = at, 0, 0
    while at < end and _ZERO <= data[at] <= _NINE and at - first < _DIGITS:
        mantissa = mantissa * 10 + int(data[at]) - _ZERO
        at += 1
    digits = at - first
    if digits == 0 or (digits > 1 and data[first] == _ZERO):
        return -1, nan
    if at < end and data[at] == _POINT and not whole:
        point = at
        at += 1
        while at < end and _ZERO <= data[at] <= _NINE and digits + at - point <= _DIGITS:
            mantissa = mantissa * 10 + int(data[at]) - _ZERO
            at += 1
        decimals = at - point - 1
        if decimals == 0:
            return -1, nan
    if mantissa > _LARGEST:
        return -1, nan
    return at, mantissa / _POWERS[decimals]


@kernel
def _passed(data: Bytes, at: int, end: int) -> int:
    """Behind a plain value of a field that nobody names."""
    byte = int(data[at])
    if byte == _QUOTE:
        at = _text_end(data, at + 1, end)
        return at + 1 if at >= 0 else -1
    if byte == _TRUE[0]:
        return _word_end(data, at, end, _TRUE)
    if byte == _FALSE[0]:
        return _word_end(data, at, end, _FALSE)
    if byte == _NULL[0]:
        return _word_end(data, at, end, _NULL)
    return _number(data, at + 1 if byte == _MINUS else at, end, False)[0]
