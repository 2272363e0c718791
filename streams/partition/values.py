"""A field's value: what it says goes into the observation, the event's id into the ids."""

from math import nan

from detectors.addresses import Address, byte, put_byte, same
from detectors.compiled import Row, kernel
from schemas.events import EARLIEST_MS, LATEST_MS, MAX_ID_CHARACTERS
from streams.partition.forms import (
    ABOVE,
    AMOUNT,
    CODE,
    CURRENCY,
    EVENT_TIME,
    EXTRA,
    FIRST_WORD,
    FLAG,
    ID,
    KEY,
    KIND,
    LAST_WORD,
    LEAST,
    MOST,
    NUMBER,
    OPTIONAL,
    PLACE,
    TIME,
    TYPE,
    VALUE,
    WHOLE,
    WORD,
)
from streams.partition.instants import instant
from streams.partition.lexemes import (
    DIGITS,
    FALSE,
    NULL,
    QUOTE,
    TRUE,
    N,
    T,
    currency,
    number,
    text_end,
    word_end,
)


@kernel
def content(
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
    kind = form.fields[field, TYPE]
    if byte(data, at) == N:
        return (word_end(data, at, end, NULL, 4) if form.fields[field, OPTIONAL] else -1), used
    if kind == ID:
        return _id(form, data, at, end, field, ids, used)
    if kind == KEY:
        return _key(data, at, end, key), used
    at, value = _value(form, data, at, end, field)
    if at >= 0:
        _put(row, form.fields[field, PLACE], value)
    return at, used


@kernel
def _put(row: Row, place: int, value: float) -> None:
    if place == EVENT_TIME:
        row.event_time = value
    elif place == AMOUNT:
        row.amount = value
    elif place == VALUE:
        row.value = value
    elif place == EXTRA:
        row.extra = value
    elif place == KIND:
        row.kind = int(value)
    elif place == CODE:
        row.currency = int(value)


@kernel
def is_text(form: Row, begin: int, data: Address, at: int, size: int) -> bool:
    """Whether one of the form's texts stands there."""
    for i in range(size):  # noqa: SIM110 (numba compiles loops, not generator expressions)
        if form.texts[begin + i] != byte(data, at + i):
            return False
    return True


@kernel
def _id(
    form: Row, data: Address, at: int, end: int, field: int, ids: Address, used: int
) -> tuple[int, int]:
    """Behind the event id, and where it ends in `ids`."""
    if byte(data, at) != QUOTE:
        return -1, used
    start = at + 1
    at = text_end(data, start, end)
    least, most = form.bounds[field, LEAST], form.bounds[field, MOST]
    if at < 0 or not least <= at - start <= most:
        return -1, used
    for i in range(start, at):
        put_byte(ids, used, byte(data, i))
        used += 1
    return at + 1, used


@kernel
def _key(data: Address, at: int, end: int, key: tuple[int, int]) -> int:
    """Behind the customer's id, which is the key; a key that is too long is left."""
    if byte(data, at) != QUOTE:
        return -1
    start = at + 1
    at = text_end(data, start, end)
    size = key[1] - key[0]
    if at - start != size or size > MAX_ID_CHARACTERS or not same(data, start, data, key[0], size):
        return -1
    return at + 1


@kernel
def _value(form: Row, data: Address, at: int, end: int, field: int) -> tuple[int, float]:
    """Behind a value of the field's type, and the number that stands for it; -1 for any other."""
    kind = form.fields[field, TYPE]
    if kind in (NUMBER, WHOLE):
        at, value = number(data, at, end, 0 if kind == WHOLE else DIGITS)
        fits = (
            form.bounds[field, LEAST] <= value <= form.bounds[field, MOST]
            and value > form.bounds[field, ABOVE]
        )
        return (at if fits else -1), value
    if kind == FLAG:
        if byte(data, at) == T:
            return word_end(data, at, end, TRUE, 4), 1.0
        return word_end(data, at, end, FALSE, 5), 0.0
    if byte(data, at) != QUOTE:
        if kind != TIME:
            return -1, nan
        at, value = number(data, at, end, 0)
        return (at if EARLIEST_MS <= value <= LATEST_MS else -1), value / 1000
    start = at + 1
    at = text_end(data, start, end)
    size = at - start
    if at < 0:
        return -1, nan
    if kind == TIME:
        value = instant(data, start, size)
        return (at + 1 if value >= EARLIEST_MS / 1000 else -1), value
    if kind == CURRENCY:
        value = currency(data, start, at) if size == 3 else -1.0
        return (at + 1 if value > 0 else -1), value
    if kind == WORD:
        first = form.fields[field, FIRST_WORD]
        for word in range(first, form.fields[field, LAST_WORD]):
            begin = form.words[word, 0]
            if form.words[word, 1] - begin == size and is_text(form, begin, data, start, size):
                return at + 1, float(word - first)
        return -1, nan
    return (at + 1 if size <= form.bounds[field, MOST] else -1), nan
