"""Times on the wire, to seconds and back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import rfc3339, seconds

OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=OFFSETS)  # noqa: DTZ001 (hypothesis adds the zone)


@given(MOMENTS)
def test_every_moment_with_an_offset_is_read_to_the_microsecond(moment: datetime) -> None:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert seconds(moment.isoformat()) == (since // timedelta(microseconds=1)) / 1e6


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-09T17:41:05",
        "2026-02-09 17:41:05Z",
        "2026-02-09",
        "20260209T174105Z",
        "2026-02-09T17:41Z",
        "2026-02-09T17:41:05+01",
        "2026-02-09T17:41:05+0100",
        "2026-02-09T17:41:05.Z",
        "2026-02-09T17:41:05.1234567890Z",
        "2026-02-09T17:41:05,5Z",
        "2026-02-29T17:41:05Z",
        "2026-02-09T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-02-09T17:41:05+24:00",
        "2026-02-09T17:41:05+01:60",
        "٢٠٢٦-02-09T17:41:05Z",
        "1770658865000",
        " 2026-02-09T17:41:05Z",
        "2026-02-09T17:41:05Z\n",
        "",
    ],
)
def test_what_is_nearly_rfc_3339_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|does not exist|offset"):
        seconds(text)


def test_milliseconds_beyond_the_year_9999_are_refused() -> None:
    assert seconds(253_402_300_799_999) == 253_402_300_799.999
    for instant in (253_402_300_800_000, 10**1000, -(10**1000)):
        with pytest.raises(ValueError, match="four digits"):
            seconds(instant)


@given(st.integers(946_684_800_000, 2**53 // 1000))  # float64 holds every microsecond until 2255
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    assert seconds(rfc3339(milliseconds / 1000)) == milliseconds / 1000


def test_instants_are_written_with_milliseconds_only_where_there_are_any() -> None:
    assert rfc3339(1772431200.0) == "2026-03-02T06:00:00Z"
    assert rfc3339(1772431200.0301) == "2026-03-02T06:00:00.030Z"
    assert rfc3339(1.001) == "1970-01-01T00:00:01.001Z"  # 1.001 * 1000 is a little less than 1001


def test_what_is_no_instant_is_not_written() -> None:
    for number in (float("nan"), float("inf"), 1e18):
        with pytest.raises((ValueError, OverflowError)):
            rfc3339(number)
