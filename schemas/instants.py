"""Instants on the wire: RFC 3339 with an offset, or integer milliseconds, to and from seconds.

Seconds are float64 since the Unix epoch, UTC; fractions finer than a microsecond are cut, which is
also what float64 holds today. Leap seconds (`:60`) do not exist on that scale and are refused.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from schemas.events import EARLIEST_MS, LATEST_MS

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_SECONDS = EARLIEST_MS / 1000


def seconds(instant: str | int) -> float:
    """Seconds since the epoch of what a producer wrote, whatever year it names.

    >>> seconds("2026-03-02T07:00:00.5+01:00") == seconds(1772431200500) == 1772431200.5
    True

    Raises:
        ValueError: neither form; the message says what is wrong with it.
    """
    if isinstance(instant, int):
        if abs(instant) > LATEST_MS:
            raise ValueError("lies beyond the years that have four digits")
        return instant / 1000
    match = _RFC3339.fullmatch(instant)
    if match is None:
        raise ValueError("is not RFC 3339 with an offset")
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise ValueError("names a day or a time of day that does not exist") from None
    fraction, sign, offset_hours, offset_minutes = match.group(7, 8, 9, 10)
    offset = 0
    if sign is not None:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            raise ValueError("has an offset beyond 23:59")
        offset = (int(offset_hours) * 60 + int(offset_minutes)) * (60 if sign == "+" else -60)
    whole = (local - _EPOCH) // timedelta(seconds=1) - offset
    microseconds = int(fraction[:6].ljust(6, "0")) if fraction else 0
    return (whole * 1_000_000 + microseconds) / 1e6


def rfc3339(instant: float) -> str:
    """An instant as alerts write it: UTC, milliseconds only where there are any.

    >>> rfc3339(1772431200.0), rfc3339(1772431200.1234)
    ('2026-03-02T06:00:00Z', '2026-03-02T06:00:00.123Z')

    Raises:
        OverflowError, ValueError: before the year 1, beyond 9999, or not finite.
    """
    day, rest = divmod(round(instant * 1000), _DAY_MS)
    minute, rest = divmod(rest, 60_000)
    digits = str(100_000 + rest)  # 4895 -> "104895": cheaper than padding
    if rest % 1000:
        return f"{_date(day)}T{_clock(minute)}:{digits[1:3]}.{digits[3:]}Z"
    return f"{_date(day)}T{_clock(minute)}:{digits[1:3]}Z"


@lru_cache(4096)
def _date(day: int) -> str:
    """The date so many days after 1970-01-01; alerts of one stretch share a few."""
    return (_EPOCH + timedelta(days=day)).date().isoformat()


@lru_cache(24 * 60)
def _clock(minute: int) -> str:
    """Hours and minutes of the minute of a day."""
    return f"{minute // 60:02}:{minute % 60:02}"
