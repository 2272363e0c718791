"""The compiled time parser against the plain one."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import instants as plain
from streams.partition.instants import acceptable, seconds

TEXT = st.from_regex(
    r"(19|20|99)\d\d-[0-1]\d-[0-3]\d[Tt ][0-2]\d:[0-6]\d:[0-6]\d"
    r"(\.\d{0,10})?([Zz]|[+-][0-2]\d:[0-6]\d)?",
    fullmatch=True,
)
INSTANTS = TEXT | st.text(max_size=30) | st.integers(-(2**70), 2**70) | st.none()


def _alone(instant: str | int | None) -> float:
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
def test_a_batch_of_times_is_read_as_each_alone(instants: list[str | int | None]) -> None:
    got = seconds(instants)
    fits = acceptable(got)
    expected = np.array([_alone(instant) for instant in instants])
    assert fits.tolist() == (~np.isnan(expected)).tolist()
    assert got[fits].tolist() == expected[fits].tolist()


@pytest.mark.parametrize("year", [2000, 2001, 2004, 2100, 2400, 9999])
def test_every_day_of_a_year_is_read(year: int) -> None:
    days = [f"{year}-{m:02d}-{d:02d}T12:34:56Z" for m in range(1, 13) for d in range(1, 32)]
    got = seconds(list(days))
    expected = np.array([_alone(day) for day in days])
    assert np.array_equal(got, expected, equal_nan=True)


def test_times_after_the_latest_are_not_acceptable() -> None:
    assert acceptable(np.array([1e9, 1e9 + 1, np.nan, 0.0]), 1e9).tolist() == [
        True,
        False,
        False,
        False,
    ]
