"""One time as text to seconds: the compiled twin of `schemas.instants.seconds`.

NaN stands for "not recognised"; whoever asked judges such a text alone, with the reason.
"""

import numpy as np

from detectors.addresses import Address, byte
from detectors.compiled import kernel

_ZERO, _NINE, _DASH, _COLON, _POINT = ord("0"), ord("9"), ord("-"), ord(":"), ord(".")
_PLUS, _T, _Z = ord("+"), ord("T"), ord("Z")
_LOWER = 0x20  # sets this bit of a capital ASCII letter and it is a small one
_SHORTEST = len("2026-03-02T06:00:00Z")


@kernel
def _number(text: Address, start: int, digits: int) -> int:
    """A decimal number of that many digits, -1 where one is none."""
    value = 0
    for i in range(start, start + digits):
        if byte(text, i) < _ZERO or byte(text, i) > _NINE:
            return -1
        value = value * 10 + byte(text, i) - _ZERO
    return value


@kernel
def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the proleptic Gregorian calendar, with years that begin in March."""
    if month <= 2:
        year -= 1
        month += 12
    leap_days = year // 4 - year // 100 + year // 400
    # 153 days are five months of 31, 30, 31, 30, 31; 719,469 days lie between 0000-03-01 and the
    # epoch, counted with the day of the month from 1
    return 365 * year + leap_days + (153 * (month - 3) + 2) // 5 + day - 719469


@kernel
def instant(text: Address, at: int, length: int) -> float:
    """Seconds since the epoch of RFC 3339 text; NaN for what is none from 1999 to 9999."""
    if length < _SHORTEST:
        return np.nan
    year, month = _number(text, at, 4), _number(text, at + 5, 2)
    day, hour = _number(text, at + 8, 2), _number(text, at + 11, 2)
    minute, second = _number(text, at + 14, 2), _number(text, at + 17, 2)
    if (
        byte(text, at + 4) != _DASH
        or byte(text, at + 7) != _DASH
        or byte(text, at + 10) | _LOWER != _T | _LOWER
        or byte(text, at + 13) != _COLON
        or byte(text, at + 16) != _COLON
    ):
        return np.nan
    # from 1999 on: with its offset the last hours of that year lie in 2000
    if year < 1999 or month < 1 or month > 12 or day < 1:
        return np.nan
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return np.nan
    following = _days(year, month + 1, 1) if month < 12 else _days(year + 1, 1, 1)
    days = _days(year, month, day)
    if days >= following:
        return np.nan
    end, position = at + length, at + 19
    microseconds = 0
    if byte(text, position) == _POINT:
        position += 1
        first = position
        while position < end and _ZERO <= byte(text, position) <= _NINE:
            if position < first + 6:
                microseconds = microseconds * 10 + byte(text, position) - _ZERO
            position += 1
        if position == first or position > first + 9:
            return np.nan
        for _ in range(position, first + 6):
            microseconds *= 10
    offset = 0
    if position == end - 6 and (byte(text, position) == _PLUS or byte(text, position) == _DASH):
        hours, minutes = _number(text, position + 1, 2), _number(text, position + 4, 2)
        if (
            byte(text, position + 3) != _COLON
            or hours < 0
            or hours > 23
            or minutes < 0
            or minutes > 59
        ):
            return np.nan
        offset = hours * 3600 + minutes * 60
        if byte(text, position) == _DASH:
            offset = -offset
    elif position != end - 1 or byte(text, position) | _LOWER != _Z | _LOWER:
        return np.nan
    whole = days * 86400 + hour * 3600 + minute * 60 + second - offset
    return (whole * 1_000_000 + microseconds) / 1e6
