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

from detectors.addresses import Address, address_of, byte, put_byte, same
from detectors.compiled import Bytes, Row, Rows, by_name, kernel
from detectors.index import hash_bytes
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


FORM = np.dtype(
    [
        ("fields", "i8", (16, 7)),  # a row a field, in the contract's order
        ("bounds", "f8", (16, 3)),  # of numbers, and of texts' lengths
        ("words", "i8", (32, 2)),  # start and end of each word in `texts`
        ("texts", "u1", (512,)),  # the names, and the words of closed lists
        ("count", "i8"),  # fields
        ("required", "i8"),  # bit i: field i
    ]
)
"""What is ordinary in an input: one record, because records go from kernel to kernel for nothing.

Its bounds are far above what the contracts need; numpy refuses what does not fit.
"""


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


@cache
def form(source: Input) -> NDArray[np.void]:
    """What is ordinary in this input: FORM[1]."""
    struct: Any = inspect.type_info(list(EVENTS.values())[source])
    found = np.zeros(1, FORM)
    texts = ""
    words: list[tuple[int, int]] = []
    for i, described in enumerate(struct.fields):
        field = _Field(source, described)
        name = len(texts), len(texts) + len(field.name)
        texts += field.name
        first = len(words)
        for word in field.words:
            words.append((len(texts), len(texts) + len(word)))
            texts += word
        span = first, len(words)
        found["fields"][0, i] = [*name, field.type, field.place, field.optional, *span]
        found["bounds"][0, i] = field.least, field.above, field.most
    found["words"][0, : len(words)] = words
    found["texts"][0, : len(texts)] = np.frombuffer(texts.encode(), np.uint8)
    found["count"] = len(struct.fields)
    found["required"] = sum(1 << i for i, field in enumerate(struct.fields) if field.required)
    return found


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
_TRUE, _FALSE, _NULL = (int.from_bytes(word, "little") for word in (b"true", b"false", b"null"))
_T, _F, _N = b"tfn"
_A, _Z = 65, 90
_OTHER = -1  # of a field: no contract names it


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
    at = _blank(data, at, end)
    if at >= end or byte(data, at) != _OPEN:
        return -1
    while at >= end or byte(data, at) != _CLOSE:
        field, at = _name(form, data, at + 1, end, field + 1)
        if at < 0:
            return -1
        if field == _OTHER:
            at = _passed(data, at, end)
        else:
            if seen >> field & 1:
                return -1
            seen |= 1 << field
            at, used = _content(form, data, at, end, field, key, row, ids, used)
        at = _behind(data, at, end)
        if at < 0:
            return -1
    if _blank(data, at + 1, end) < end or seen & form.required != form.required:
        return -1
    if not (EARLIEST_MS / 1000 <= row.event_time <= latest):
        return -1
    row.effective_time = row.event_time
    row.id_end = used
    return used


@kernel
def _name(form: Row, data: Address, at: int, end: int, guess: int) -> tuple[int, int]:
    """The field whose name comes next, and where its value begins; (-1, -1): none does."""
    at = _blank(data, at, end)
    if at >= end or byte(data, at) != _QUOTE:
        return _OTHER, -1
    field, at = _field(form, data, at + 1, end, guess)
    if at < 0:
        return _OTHER, -1
    at = _blank(data, at + 1, end)
    if at >= end or byte(data, at) != _COLON:
        return _OTHER, -1
    at = _blank(data, at + 1, end)
    return field, (at if at < end else -1)


@kernel
def _behind(data: Address, at: int, end: int) -> int:
    """The comma or the closing brace behind a value that ends at `at`; -1 for anything else."""
    if at < 0:
        return -1
    at = _blank(data, at, end)
    return at if at < end and (byte(data, at) == _COMMA or byte(data, at) == _CLOSE) else -1


@kernel
def _content(
    form: Row,
    data: Address,
    at: int,
    end: int,
    field: int,
    key: tuple[int, int],
    row: Row,
    ids: Address,
    used: int,
) -> tuple[int, int]:
    """Behind a field's value, which goes into the row or the ids; and where the ids end then."""
    kind = form.fields[field, _TYPE]
    if byte(data, at) == _N:
        return (_word_end(data, at, end, _NULL, 4) if form.fields[field, _OPTIONAL] else -1), used
    if kind == _ID:
        return _id(form, data, at, end, field, ids, used)
    if kind == _KEY:
        return _key(data, at, end, key), used
    at, value = _value(form, data, at, end, field)
    if at >= 0:
        _put(row, form.fields[field, _PLACE], value)
    return at, used


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
def _blank(data: Address, at: int, end: int) -> int:
    """Behind white space."""
    while at < end and (
        byte(data, at) == 32 or byte(data, at) == 10 or byte(data, at) == 13 or byte(data, at) == 9
    ):
        at += 1
    return at


@kernel
def _text_end(data: Address, at: int, end: int) -> int:
    """The closing quote of a text; -1 where it is not printable ASCII without escapes."""
    while at < end:
        if _STOPS[byte(data, at)]:
            return at if byte(data, at) == _QUOTE else -1
        at += 1
    return -1


@kernel
def _word_end(data: Address, at: int, end: int, word: int, size: int) -> int:
    """Behind true, false or null, its bytes as a little-endian number; -1 if it is not there."""
    if end - at < size:
        return -1
    for i in range(size):
        if byte(data, at + i) != word >> (8 * i) & 255:
            return -1
    return at + size


@kernel
def _is_text(form: Row, begin: int, data: Address, at: int, size: int) -> bool:
    """Whether one of the form's texts stands there."""
    for i in range(size):  # noqa: SIM110 (numba compiles loops, not generator expressions)
        if form.texts[begin + i] != byte(data, at + i):
            return False
    return True


@kernel
def _field(form: Row, data: Address, at: int, end: int, guess: int) -> tuple[int, int]:
    """Which field has the name that begins at `at`, and where its closing quote is.

    Producers write the fields in one order, so `guess` is mostly right.
    """
    count = form.count
    for i in range(count):
        field = guess + i if guess + i < count else guess + i - count
        begin = form.fields[field, _NAME_START]
        size = form.fields[field, _NAME_END] - begin
        if (
            end - at > size
            and byte(data, at + size) == _QUOTE
            and _is_text(form, begin, data, at, size)
        ):
            return field, at + size
    return _OTHER, _text_end(data, at, end)


@kernel
def _id(
    form: Row, data: Address, at: int, end: int, field: int, ids: Address, used: int
) -> tuple[int, int]:
    """Behind the event id, and where it ends in `ids`."""
    if byte(data, at) != _QUOTE:
        return -1, used
    start = at + 1
    at = _text_end(data, start, end)
    least, most = form.bounds[field, _LEAST], form.bounds[field, _MOST]
    if at < 0 or not least <= at - start <= most:
        return -1, used
    for i in range(start, at):
        put_byte(ids, used, byte(data, i))
        used += 1
    return at + 1, used


@kernel
def _key(data: Address, at: int, end: int, key: tuple[int, int]) -> int:
    """Behind the customer's id, which is the key; a key that is too long is left."""
    if byte(data, at) != _QUOTE:
        return -1
    start = at + 1
    at = _text_end(data, start, end)
    size = key[1] - key[0]
    if at - start != size or size > MAX_ID_CHARACTERS or not same(data, start, data, key[0], size):
        return -1
    return at + 1


@kernel
def _value(form: Row, data: Address, at: int, end: int, field: int) -> tuple[int, float]:
    """Behind a value of the field's type, and the number that stands for it; -1 for any other."""
    kind = form.fields[field, _TYPE]
    if kind in (_NUMBER, _WHOLE):
        at, value = _number(data, at, end, 0 if kind == _WHOLE else _DIGITS)
        fits = (
            form.bounds[field, _LEAST] <= value <= form.bounds[field, _MOST]
            and value > form.bounds[field, _ABOVE]
        )
        return (at if fits else -1), value
    if kind == _FLAG:
        if byte(data, at) == _T:
            return _word_end(data, at, end, _TRUE, 4), 1.0
        return _word_end(data, at, end, _FALSE, 5), 0.0
    if byte(data, at) != _QUOTE:
        if kind != _TIME:
            return -1, nan
        at, value = _number(data, at, end, 0)
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
        first = form.fields[field, _FIRST_WORD]
        for word in range(first, form.fields[field, _LAST_WORD]):
            begin = form.words[word, 0]
            if form.words[word, 1] - begin == size and _is_text(form, begin, data, start, size):
                return at + 1, float(word - first)
        return -1, nan
    return (at + 1 if size <= form.bounds[field, _MOST] else -1), nan


@kernel
def _currency(data: Address, start: int, end: int) -> float:
    """Three capitals as a big-endian number; -1 for anything else."""
    code = 0
    for i in range(start, end):
        if not _A <= byte(data, i) <= _Z:
            return -1.0
        code = code << 8 | byte(data, i)
    return float(code)


@kernel
def _number(data: Address, at: int, end: int, most_decimals: int) -> tuple[int, float]:
    """Behind a number without sign and exponent, and the float64 that is nearest to it.

    `most_decimals` 0: only a whole one.
    """
    first, mantissa, decimals = at, 0, 0
    while at < end and _ZERO <= byte(data, at) <= _NINE and at - first < _DIGITS:
        mantissa = mantissa * 10 + byte(data, at) - _ZERO
        at += 1
    digits = at - first
    if digits == 0 or (digits > 1 and byte(data, first) == _ZERO):
        return -1, nan
    if at < end and byte(data, at) == _POINT and most_decimals > 0:
        point = at
        at += 1
        while (
            at < end and _ZERO <= byte(data, at) <= _NINE and digits + at - point <= most_decimals
        ):
            mantissa = mantissa * 10 + byte(data, at) - _ZERO
            at += 1
        decimals = at - point - 1
        if decimals == 0:
            return -1, nan
    if mantissa > _LARGEST:
        return -1, nan
    return at, mantissa / _POWERS[decimals]


@kernel
def _passed(data: Address, at: int, end: int) -> int:
    """Behind a plain value of a field that nobody names."""
    first = byte(data, at)
    if first == _QUOTE:
        at = _text_end(data, at + 1, end)
        return at + 1 if at >= 0 else -1
    if first == _T:
        return _word_end(data, at, end, _TRUE, 4)
    if first == _F:
        return _word_end(data, at, end, _FALSE, 5)
    if first == _N:
        return _word_end(data, at, end, _NULL, 4)
    return _number(data, at + 1 if first == _MINUS else at, end, _DIGITS)[0]
