"""What JSON is made of, in its ordinary form: kernels over the bytes of a record.

Each begins at `at`, stops before `end`, and says where it came to; -1 where something else stands
there, or the same in a form that is not ordinary.
"""

from math import nan

import numpy as np

from detectors.addresses import Address, byte
from detectors.compiled import kernel

QUOTE, COMMA, COLON, OPEN, CLOSE = b'",:{}'
TRUE, FALSE, NULL = (int.from_bytes(word, "little") for word in (b"true", b"false", b"null"))
T, F, N = b"tfn"  # what they begin with
DIGITS = 18  # of a number, at the most

_ZERO, _NINE, _POINT, _MINUS, _A, _Z = b"09.-AZ"
_BACKSLASH, _SPACE, _DELETE = b"\\ \x7f"
_STOPS = np.ones(256, np.bool_)
_STOPS[_SPACE:_DELETE] = False
_STOPS[[QUOTE, _BACKSLASH]] = True
_POWERS = 10.0 ** np.arange(DIGITS + 1)
_LARGEST = 1 << 53  # whole numbers up to it are exact, and their quotients by powers of ten rounded


@kernel
def blank(data: Address, at: int, end: int) -> int:
    """Behind white space."""
    while at < end and (
        byte(data, at) == 32 or byte(data, at) == 10 or byte(data, at) == 13 or byte(data, at) == 9
    ):
        at += 1
    return at


@kernel
def text_end(data: Address, at: int, end: int) -> int:
    """The closing quote of a text; -1 where it is not printable ASCII without escapes."""
    while at < end:
        if _STOPS[byte(data, at)]:
            return at if byte(data, at) == QUOTE else -1
        at += 1
    return -1


@kernel
def word_end(data: Address, at: int, end: int, word: int, size: int) -> int:
    """Behind true, false or null, its bytes as a little-endian number; -1 if it is not there."""
    if end - at < size:
        return -1
    for i in range(size):
        if byte(data, at + i) != word >> (8 * i) & 255:
            return -1
    return at + size


@kernel
def currency(data: Address, start: int, end: int) -> float:
    """Three capitals as a big-endian number; -1 for anything else."""
    code = 0
    for i in range(start, end):
        if not _A <= byte(data, i) <= _Z:
            return -1.0
        code = code << 8 | byte(data, i)
    return float(code)


@kernel
def number(data: Address, at: int, end: int, most_decimals: int) -> tuple[int, float]:
    """Behind a number without sign and exponent, and the float64 that is nearest to it.

    `most_decimals` 0: only a whole one.
    """
    first, mantissa, decimals = at, 0, 0
    while at < end and _ZERO <= byte(data, at) <= _NINE and at - first < DIGITS:
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
def passed(data: Address, at: int, end: int) -> int:
    """Behind a plain value of a field that nobody names."""
    first = byte(data, at)
    if first == QUOTE:
        at = text_end(data, at + 1, end)
        return at + 1 if at >= 0 else -1
    if first == T:
        return word_end(data, at, end, TRUE, 4)
    if first == F:
        return word_end(data, at, end, FALSE, 5)
    if first == N:
        return word_end(data, at, end, NULL, 4)
    return number(data, at + 1 if first == _MINUS else at, end, DIGITS)[0]
