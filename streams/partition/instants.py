"""Times of a whole batch to seconds: the compiled twin of `schemas.instants.seconds`.

NaN stands for "not recognised"; whoever asked judges such a text one by one, with the reason.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from schemas.events import EARLIEST_MS, LATEST_MS
from streams.partition.texts import texts

_ZERO, _NINE, _DASH, _COLON, _POINT = ord("0"), ord("9"), ord("-"), ord(":"), ord(".")
_PLUS, _T, _Z = ord("+"), ord("T"), ord("Z")
_LOWER = 0x20  # sets this bit of a capital ASCII letter and it is a small one
_SHORTEST = len("2026-03-02T06:00:00Z")


def seconds(instants: list[str | int | None]) -> NDArray[np.float64]:
    """Seconds since the epoch of each; NaN for None and for what is no time from 2000 to 9999."""
    try:
        return _texts(instants)  # type: ignore[arg-type]  # join itself finds out, in compiled code
    except TypeError:
        pass
    milliseconds = np.array(
        [i if isinstance(i, int) and EARLIEST_MS <= i <= LATEST_MS else 0 for i in instants],
        np.int64,
    )
    written = _texts([i if isinstance(i, str) else "" for i in instants])
    return np.where(milliseconds > 0, milliseconds / 1000, written)


def acceptable(times: NDArray[np.float64], latest: float | None = None) -> NDArray[np.bool_]:
    """Which of them are times from 2000 on, and not after `latest`."""
    return (times >= EARLIEST_MS / 1000) & (times <= (np.inf if latest is None else latest))


def _texts(strings: list[str]) -> NDArray[np.float64]:
    joined = texts(strings)
    out = np.empty(len(strings), np.float64)
    _parse(np.frombuffer(joined.data, np.uint8), joined.starts, joined.ends, out)
    return out


@kernel
def _number(text: NDArray[np.uint8], start: int, digits: int) -> int:
    """A decimal number of that many digits, -1 where one is none."""
    value = 0
    for i in range(start, start + digits):
        if text[i] < _ZERO or text[i] > _NINE:
            return -1
        value = value * 10 + int(text[i]) - _ZERO
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
def instant(text: NDArray[np.uint8], at: int, length: int) -> float:
    if length < _SHORTEST:
        return np.nan
    year, month = _number(text, at, 4), _number(text, at + 5, 2)
    day, hour = _number(text, at + 8, 2), _number(text, at + 11, 2)
    minute, second = _number(text, at + 14, 2), _number(text, at + 17, 2)
    if (
        text[at + 4] != _DASH
        or text[at + 7] != _DASH
        or text[at + 10] | _LOWER != _T | _LOWER
        or text[at + 13] != _COLON
        or text[at + 16] != _COLON
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
    if text[position] == _POINT:
        position += 1
        first = position
        while position < end and _ZERO <= text[position] <= _NINE:
            if position < first + 6:
                microseconds = microseconds * 10 + int(text[position]) - _ZERO
            position += 1
        if position == first or position > first + 9:
            return np.nan
        for _ in range(position, first + 6):
            microseconds *= 10
    offset = 0
    if position == end - 6 and (text[position] == _PLUS or text[position] == _DASH):
        hours, minutes = _number(text, position + 1, 2), _number(text, position + 4, 2)
        if text[position + 3] != _COLON or hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return np.nan
        offset = hours * 3600 + minutes * 60
        if text[position] == _DASH:
            offset = -offset
    elif position != end - 1 or text[position] | _LOWER != _Z | _LOWER:
        return np.nan
    whole = days * 86400 + hour * 3600 + minute * 60 + second - offset
    return (whole * 1_000_000 + microseconds) / 1e6


@kernel
def _parse(
    text: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    for i in range(out.shape[0]):
        out[i] = instant(text, starts[i], ends[i] - starts[i])
