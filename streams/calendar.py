"""The `calendar` settings as the detectors' clock: opening hours, holidays, time zone.

All of it is computed once, from the settings alone, for the years in `YEARS`; later nothing is
closed but by the weekly rhythm, and the zone keeps its last offset.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    from detectors.clock.guard import Guard as SourceGuard
    from detectors.clock.value import Clock
    from streams.settings_groups import Calendar, Guard

YEARS = range(2000, 2050)  # no event is older than 2000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES
STEP = 604_800  # no zone has shifted there and back within a week since 2000

OPENING = "days and times, such as 'mon-fri 09:00-18:30' or 'sat,sun 10:00-14:00,18:00-02:00'"
MAINTENANCE = "'2026-11-22T01:00Z/2026-11-22T03:00Z', with an offset from UTC"
CLOSED = "'2026-12-24', '2026-12-24/2027-01-01' or '2026-08-03T12:00/2026-08-05T08:00'"

_DAYS = re.compile(r"({0})(?:-({0}))?".format("|".join(DAYS)))
_TIMES = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


class Minutes(NamedTuple):
    """An opening: minutes of the week from Monday 0:00 on; the end may lie in the next week."""

    begin: int
    end: int


def openings(text: str) -> list[Minutes]:
    """What a line of opening hours says. Raises ValueError for what is none.

    >>> openings("sat-sun 22:00-02:00")
    [Minutes(begin=8520, end=8760), Minutes(begin=9960, end=10200)]
    """
    days, _, times = text.strip().lower().partition(" ")
    found = [
        Minutes(DAY_MINUTES * day + begin, DAY_MINUTES * day + end)
        for part in days.split(",")
        for day in _days(part, text)
        for begin, end in (_times(one.strip(), text) for one in times.split(","))
    ]
    return sorted(found)


def _days(part: str, text: str) -> list[int]:
    match = _DAYS.fullmatch(part)
    if match is None:
        raise ValueError(f"{text!r} says no opening hours; accepted: {OPENING}")
    first, last = DAYS.index(match[1]), DAYS.index(match[2] or match[1])
    return [day % 7 for day in range(first, first + (last - first) % 7 + 1)]


def _times(part: str, text: str) -> tuple[int, int]:
    match = _TIMES.fullmatch(part)
    if match is None:
        raise ValueError(f"{text!r} says no opening hours; accepted: {OPENING}")
    begin = 60 * int(match[1]) + int(match[2])
    end = 60 * int(match[3]) + int(match[4]) if match[3] else DAY_MINUTES
    return begin, end if end > begin else end + DAY_MINUTES


def closed_between(text: str) -> tuple[datetime, datetime]:
    """From when to when, in local time, a closed period lasts; dates are closed with their day.

    Raises ValueError for what is none.
    """
    first, _, last = text.strip().partition("/")
    try:
        begin, end = datetime.fromisoformat(first), datetime.fromisoformat(last or first)
    except ValueError:
        raise ValueError(f"{text!r} is no period; accepted: {CLOSED}") from None
    if begin.tzinfo or end.tzinfo:
        raise ValueError(f"{text!r} names an offset; accepted: local time, {CLOSED}")
    if ":" not in (last or first):  # a date
        end += timedelta(days=1)
    if not begin < end:
        raise ValueError(f"{text!r} ends before it begins; accepted: {CLOSED}")
    if begin.year not in YEARS or (end - timedelta(seconds=1)).year not in YEARS:
        raise ValueError(f"{text!r} is out of range; accepted: {YEARS[0]} to {YEARS[-1]}")
    return begin, end


def maintenance_between(text: str) -> tuple[float, float]:
    """From when to when maintenance is planned, in seconds. Raises ValueError for what is none."""
    try:
        begin, end = (datetime.fromisoformat(part) for part in text.strip().split("/"))
    except ValueError:
        raise ValueError(f"{text!r} is no period; accepted: {MAINTENANCE}") from None
    if begin.tzinfo is None or end.tzinfo is None:
        raise ValueError(f"{text!r} names no offset; accepted: {MAINTENANCE}")
    if not begin < end:
        raise ValueError(f"{text!r} ends before it begins; accepted: {MAINTENANCE}")
    return begin.timestamp(), end.timestamp()


def checked_zone(name: str) -> str:
    """The name of a time zone, if it is one. Raises ValueError otherwise."""
    if name not in available_timezones():
        raise ValueError("accepted: a name of the IANA database, such as UTC or Europe/Berlin")
    return name


@lru_cache(maxsize=8)
def public_holidays(country: str, region: str | None) -> tuple[date, ...]:
    """Days on which a country rests, in order, as far as they are known (of some from 2001 on).

    Raises ValueError for an unknown country.
    """
    import holidays  # noqa: PLC0415  # half a second that most commands can do without

    known = holidays.list_supported_countries()
    if country not in known:
        raise ValueError(f"no such country as {country!r}; accepted: ISO 3166 codes, such as DE")
    if region is not None and region not in known[country]:
        named = ", ".join(known[country]) or "none"
        raise ValueError(f"no such region of {country} as {region!r}; accepted: {named}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # says which years are not known
        return tuple(sorted(holidays.country_holidays(country, subdiv=region, years=YEARS)))


def operational_clock(calendar: Calendar) -> Clock:
    """The clock that the settings give. Raises ValueError if they leave no time at all."""
    from detectors.clock.value import Clock  # noqa: PLC0415  # numba: most commands do without it

    shifts = zone_shifts(calendar.time_zone)
    return Clock(
        weights=hour_weights(calendar),
        offset_seconds=shifts[0][1],
        shifts=shifts[1:],
        closed=tuple(_closed(calendar)),
        learns=calendar.learn,
    )


def source_guard(guard: Guard) -> SourceGuard:
    """The guard that the settings give."""
    from detectors.clock.guard import Guard as SourceGuard  # noqa: PLC0415  # numba, as above

    return SourceGuard(
        enabled=guard.enabled,
        least_daily=guard.least_daily,
        longest_days=guard.longest_days,
        maintenance=tuple(joined(sorted(map(maintenance_between, guard.maintenance)))),
    )


def hour_weights(calendar: Calendar) -> tuple[float, ...]:
    """168 weights: the share of each hour that is open, by weight of day and hour."""
    minutes = [0 if calendar.opening else 1] * WEEK_MINUTES
    for text in calendar.opening:
        for begin, end in openings(text):
            for minute in range(begin, end):
                minutes[minute % WEEK_MINUTES] = 1
    days = calendar.day_weights or (1.0,) * 7
    hours = calendar.hour_weights or (1.0,) * 24
    weights = tuple(
        sum(minutes[60 * hour : 60 * hour + 60]) / 60.0 * days[hour // 24] * hours[hour % 24]
        for hour in range(168)
    )
    if not any(weights):
        raise ValueError("no hour of the week is left; accepted: opening hours and weights above 0")
    return weights


def _closed(calendar: Calendar) -> Iterator[tuple[float, float]]:
    """Closed periods and holidays in seconds, in order and apart."""
    midnight = datetime.min.time()
    spans = [closed_between(text) for text in calendar.closed]
    if calendar.country is not None:
        for day in public_holidays(calendar.country, calendar.region):
            first = datetime.combine(day, midnight)
            spans.append((first, first + timedelta(days=1)))
    zone = ZoneInfo(calendar.time_zone)
    times = sorted(
        [(first.replace(tzinfo=zone), last.replace(tzinfo=zone)) for first, last in spans]
    )
    return joined((first.timestamp(), last.timestamp()) for first, last in times)


def joined(spans: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Intervals apart, out of intervals in the order of their beginnings."""
    since = until = -inf
    for begin, end in spans:
        if begin > until:
            if until > since:
                yield since, until
            since = begin
        until = max(until, end)
    if until > since:
        yield since, until


@lru_cache(maxsize=8)
def zone_shifts(name: str) -> tuple[tuple[float, float], ...]:
    """(since, offset from UTC), in seconds, of a zone: at first and whenever it changes."""
    zone = ZoneInfo(name)

    def offset(second: int) -> float:
        shift = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        return shift.total_seconds() if shift else 0.0

    first, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in _ends(YEARS))
    found = [(float(first), offset(first))]
    for begin in range(first, end, STEP):
        if offset(begin + STEP) == found[-1][1]:
            continue
        low, high = begin, begin + STEP
        while high - low > 1:
            middle = (low + high) // 2
            if offset(middle) == found[-1][1]:
                low = middle
            else:
                high = middle
        found.append((float(high), offset(high)))
    return tuple(found)


def _ends(years: range) -> tuple[int, int]:
    return years[0], years[-1] + 1
