"""The compiled time parser against the plain one, as events' times."""

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.observations import Input
from schemas import instants as plain
from schemas.events import EARLIEST_MS, LATEST_MS
from streams.partition.scan import scan
from tests.functional.records import PURCHASE, Record, fetched

TEXT = st.from_regex(
    r"(19|20|99)\d\d-[0-1]\d-[0-3]\d[Tt ][0-2]\d:[0-6]\d:[0-6]\d"
    r"(\.\d{0,10})?([Zz]|[+-][0-2]\d:[0-6]\d)?",
    fullmatch=True,
)
INSTANTS = TEXT | st.text(max_size=30) | st.integers(0, 2**63) | st.none()
Instant = str | int | None


def _read(instants: list[Instant], latest: float | None = None) -> list[float]:
    """What the pass says of each; NaN for what it leaves to be judged alone."""
    key = str(PURCHASE["customer_id"]).encode()
    records = [Record(key, orjson.dumps({**PURCHASE, "event_time": one})) for one in instants]
    scanned = scan(Input.PURCHASES, fetched(records), latest)
    found = np.full(len(instants), np.nan)
    found[scanned.rows] = scanned.observations["event_time"]
    return [float(one) for one in found]


def _alone(instant: Instant) -> float:
    if isinstance(instant, int) and not EARLIEST_MS <= instant <= LATEST_MS:
        return np.nan
    try:
        moment = plain.seconds(instant) if instant is not None else np.nan
    except ValueError:
        return np.nan
    return moment if moment >= plain.EARLIEST_SECONDS else np.nan


@given(st.lists(INSTANTS, min_size=1, max_size=20))
@example(["2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z"])
@example(["1999-12-31T23:30:00-01:00", "2000-01-01T00:30:00+01:00", "9999-12-31T23:59:59Z"])
@example([946_684_800_000, 946_684_799_999, 253_402_300_800_000, None, "2026-02-09T17:41:05.5Z"])
@example(["2026-02-09T17:41:05Z 2026-02-09T17:41:05Z", "", "é026-02-09T17:41:05Z"])
def test_every_time_is_read_as_the_plain_parser_reads_it(instants: list[Instant]) -> None:
    assert np.array_equal(_read(instants), [_alone(one) for one in instants], equal_nan=True)


@pytest.mark.parametrize("year", [2000, 2001, 2004, 2100, 2400, 9999])
def test_every_day_of_a_year_is_read(year: int) -> None:
    days: list[Instant] = [
        f"{year}-{m:02d}-{d:02d}T12:34:56Z" for m in range(1, 13) for d in range(1, 32)
    ]
    assert np.array_equal(_read(days), [_alone(day) for day in days], equal_nan=True)


def test_times_after_the_latest_are_left() -> None:
    given_times: list[Instant] = [1_000_000_000_000, 1_000_000_001_000]
    assert np.array_equal(_read(given_times, 1e9), [1e9, np.nan], equal_nan=True)
