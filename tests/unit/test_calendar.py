"""From opening hours, holidays and a time zone to the clock that silence is measured on."""

import json
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from detectors.clock.reading import elapsed_days, hour_of_week
from detectors.clock.value import FLAT_CLOCK, HOURS
from streams.calendar import openings, operational_clock, public_holidays, zone_shifts
from streams.errors import ConfigurationError
from streams.settings import Settings, config_hash, detector_profile, load
from streams.settings_groups import Calendar

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def test_without_a_calendar_the_clock_is_flat() -> None:
    clock = operational_clock(Calendar())
    assert clock == FLAT_CLOCK
    assert detector_profile(Settings()).clock.flat


def test_a_time_zone_alone_changes_no_silence() -> None:
    assert operational_clock(Calendar(time_zone="Europe/Berlin")).flat


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("mon 00:00-24:00", [(0, 1440)]),
        ("Mon-Tue 09:30-18:00", [(570, 1080), (2010, 2520)]),
        ("sat 10:00-12:00,14:00-15:00", [(7800, 7920), (8040, 8100)]),
        ("sun,mon 22:00-02:00", [(1320, 1560), (9960, 10200)]),
    ],
)
def test_opening_hours_are_read(text: str, minutes: list[tuple[int, int]]) -> None:
    assert openings(text) == minutes


def test_opening_hours_weigh_by_the_share_of_each_hour_that_is_open() -> None:
    weights = operational_clock(
        Calendar(opening=("mon-fri 09:30-17:00", "sun 23:00-01:00"))
    ).weights
    assert weights[9] == pytest.approx(0.5 * weights[10])
    assert weights[8] == weights[17] == weights[5 * 24 + 12] == 0.0
    assert weights[0] == weights[6 * 24 + 23] == weights[10]
    assert sum(weights) == pytest.approx(HOURS)


def test_weights_of_days_and_hours_multiply() -> None:
    calendar = Calendar(
        opening=("mon-sun 08:00-20:00",),
        day_weights=(1, 1, 1, 1, 2, 3, 0),
        hour_weights=(1,) * 12 + (4,) * 12,
    )
    weights = operational_clock(calendar).weights
    assert weights[5 * 24 + 13] == pytest.approx(12.0 * weights[8])
    assert not any(weights[6 * 24 :])


def test_holidays_and_closed_periods_are_closed_from_local_midnight_and_overlaps_are_one() -> None:
    clock = operational_clock(
        Calendar(
            time_zone="Europe/Berlin",
            country="DE",
            region="BY",
            closed=("2026-12-24/2027-01-02", "2026-08-03T12:00/2026-08-05T08:00"),
        )
    )
    assert (at("2026-12-24T00:00"), at("2027-01-03T00:00")) in clock.closed
    assert (at("2026-08-03T12:00"), at("2026-08-05T08:00")) in clock.closed
    assert (at("2026-10-03T00:00"), at("2026-10-04T00:00")) in clock.closed
    silent = elapsed_days(clock.record, at("2026-12-23T00:00"), at("2027-01-05T00:00"))
    assert silent == pytest.approx(3.0)


def test_a_closed_period_may_end_at_an_hour_written_with_a_space() -> None:
    (closed,) = operational_clock(Calendar(closed=("2026-08-03 12:00/2026-08-05 08:00",))).closed
    assert closed[1] - closed[0] == 44.0 * 3600.0


def test_a_zone_shifts_when_its_clocks_do() -> None:
    shifts = dict(zone_shifts("Europe/Berlin"))
    assert shifts[at("2026-03-29T03:00")] == 7200.0
    assert zone_shifts("Asia/Kolkata") == ((946_684_800.0, 19_800.0),)
    clock = operational_clock(Calendar(time_zone="Europe/Berlin", opening=("mon-fri 09:00-17:00",)))
    for day in ("2026-03-27T09:00", "2026-03-30T09:00", "2026-10-26T09:00"):
        assert hour_of_week(clock.record, at(day)) % 24 == 9


def test_regions_have_holidays_of_their_own() -> None:
    corpus_christi = date(2026, 6, 4)
    assert corpus_christi in public_holidays("DE", "BY")
    assert corpus_christi not in public_holidays("DE", None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"opening": ["mon-fry 09:00-17:00"]},
            "calendar.opening (--calendar-opening): 'mon-fry 09",
        ),
        ({"opening": ["mon 9-17"]}, "accepted: days and times, such as 'mon-fri 09:00-18:30'"),
        (
            {"closed": ["24.12.2026"]},
            "(--calendar-closed): '24.12.2026' is no period; accepted",
        ),
        ({"closed": ["2026-12-24/2026-12-20"]}, "ends before it begins"),
        ({"closed": ["1999-12-24"]}, "out of range; accepted: 2000 to 2049"),
        ({"closed": ["2026-12-24T12:00+01:00/2026-12-25"]}, "names an offset; accepted: local"),
        ({"time_zone": "Berlin"}, "(--calendar-time-zone): accepted: a name of the IANA database"),
        ({"country": "XX"}, "no such country as 'XX'; accepted: ISO 3166 codes, such as DE"),
        ({"country": "DE", "region": "QQ"}, "no such region of DE as 'QQ'; accepted: BB, BE, BW"),
        ({"region": "BY"}, "region is given without country"),
        ({"day_weights": [1, 2]}, "2 weights are given; accepted: 7, or none"),
        ({"hour_weights": [1] * 7}, "7 weights are given; accepted: 24, or none"),
        ({"day_weights": [-1] * 7}, "greater than or equal to 0"),
        ({"day_weights": [0] * 7}, "no hour of the week is left"),
    ],
)
def test_a_refusal_says_what_would_be_accepted(wrong: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {f"calendar_{name}": value for name, value in wrong.items()}
    with pytest.raises(ConfigurationError) as caught:
        load(**given)
    assert said in str(caught.value)
    assert "offbeat config check" in str(caught.value)


def test_too_many_closed_periods_are_refused() -> None:
    days = [date.fromordinal(date(2000, 1, 1).toordinal() + 2 * i) for i in range(2100)]
    with pytest.raises(ConfigurationError, match="a clock holds 2047 closed intervals"):
        load(calendar_closed=[day.isoformat() for day in days])


def test_lists_can_be_given_as_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFBEAT_CALENDAR_OPENING", json.dumps(["mon-sat 07:00-20:00"]))
    monkeypatch.setenv("OFFBEAT_CALENDAR_TIME_ZONE", "Europe/Berlin")
    calendar = load().calendar
    assert calendar.opening == ("mon-sat 07:00-20:00",)
    assert calendar.time_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    "change",
    [{"opening": ["mon 07:00-20:00"]}, {"closed": ["2026-12-24"]}, {"learn": True}],
)
def test_what_changes_the_clock_changes_the_hash(change: dict[str, Any]) -> None:
    given: dict[str, Any] = {f"calendar_{name}": value for name, value in change.items()}
    assert config_hash(load(**given)) != config_hash(Settings())
