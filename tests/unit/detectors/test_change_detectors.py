"""Each stream's change detector, by hand: what lifts it, what brings it down, when it speaks.

One file, a section a stream: the streams share one rule and are read side by side.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.cadence.posterior import visit_gap
from detectors.cadence.survival import log_density
from detectors.customer import Cause
from detectors.engine import advance
from detectors.judgement.episodes import Status
from detectors.observations import PaymentStatus, SupportKind, VisitKind
from detectors.profile import Profile
from detectors.signals.change import (
    LEAST_PRICE,
    LEAST_THRESHOLD,
    MOST,
    cusum,
    log_price,
    outcome_ratio,
    threshold,
)
from detectors.signals.payments import payment_trouble, periods_late
from detectors.signals.visit_gaps import visit_change
from tests.laws.histories import (
    DAY,
    JPY,
    SHOP,
    START,
    Event,
    live,
    payment,
    purchase,
    support,
    visit,
)

PROFILE = replace(SHOP, alert_cost_days=100.0)
NAN = math.nan


def row_after(events: list[Event], profile: Profile = PROFILE) -> Any:
    """The row of the only customer, right after the last event."""
    state, _ = live(events, max(event.order[0] for event in events), profile)
    return state.rows.view(np.recarray)[0]


def causes_of(events: list[Event], until_day: float) -> int:
    """The union of all causes that were announced."""
    _, decided = live(events, until_day, PROFILE)
    return int(np.bitwise_or.reduce(decided.records["causes"], initial=0))


# in general


def test_a_sum_never_falls_below_nothing_nor_grows_beyond_what_can_be_recovered() -> None:
    assert cusum(0.5, -2.0) == 0.0
    assert cusum(1.0, 0.5) == 1.5
    assert cusum(MOST - 1.0, 5.0) == MOST


def test_the_threshold_follows_the_price_of_a_false_alert() -> None:
    cheap, dear = replace(SHOP, alert_cost_days=100.0), replace(SHOP, alert_cost_days=200.0)
    rise = log_price(dear.record) - log_price(cheap.record)
    assert rise == pytest.approx(math.log(2.0))
    assert threshold(0.5, 4.0 + rise) - threshold(0.5, 4.0) == pytest.approx(rise)
    assert threshold(-3.0, 4.0) == LEAST_THRESHOLD
    assert log_price(replace(SHOP, alert_cost_days=0.01).record) == math.log(LEAST_PRICE)


@pytest.mark.parametrize("share", [1e-4, 0.07, 0.3, 0.5, 0.9, 0.999])
def test_bad_outcomes_speak_for_a_change_and_good_ones_against_it(share: float) -> None:
    changed = min(max(0.5, 2.0 * share), 0.5 * (1.0 + share))
    assert outcome_ratio(1.0, share) == pytest.approx(math.log(changed / share))
    assert outcome_ratio(0.0, share) == pytest.approx(math.log((1 - changed) / (1 - share)))
    assert outcome_ratio(1.0, share) > 0.0 > outcome_ratio(0.0, share)


# payments

PAID = [
    payment("a", 30.0 * i, PaymentStatus.PAID, value=START + 30 * i * DAY, extra=30.0)
    for i in range(10)
]


def test_a_payment_in_trouble_weighs_what_it_is_against_the_usual_share() -> None:
    one = row_after([payment("a", 0.0, PaymentStatus.FAILED)])
    share = PROFILE.payment_share
    assert one.payment_trouble == pytest.approx(math.log(0.5 / share))
    assert (one.n_paid, one.n_payment_troubles) == (0, 1)
    known = row_after([*PAID, payment("a", 270.0, PaymentStatus.FAILED)])
    count = PROFILE.payment_share_count
    shrunk = share * count / (count + 10.0)
    assert known.payment_trouble == pytest.approx(math.log(0.5 / shrunk))


def test_who_always_pays_late_is_not_alarming() -> None:
    late = [payment("a", 30.0 * i, PaymentStatus.LATE, event_id=f"{i}") for i in range(40)]
    assert row_after(late[:3]).causes == Cause.PAYMENT_TROUBLE
    steps = [float(row_after(late[:n]).payment_trouble) for n in (39, 40)]
    assert steps[1] - steps[0] < 0.2


@pytest.mark.parametrize(
    ("status", "lateness", "expected"),
    [
        (PaymentStatus.PAID, 0.0, 0.0),
        (PaymentStatus.PAID, 1.0, 1.0),
        (PaymentStatus.LATE, 0.2, 1.0),
        (PaymentStatus.LATE, 1.0, 2.0),
        (PaymentStatus.FAILED, 0.0, 1.0),
        (PaymentStatus.CANCELLED, 0.0, 1.0),
        (PaymentStatus.CHARGEBACK, 0.0, 2.0),
        (PaymentStatus.REFUNDED, 0.0, 0.5),
    ],
)
def test_payments_weigh_by_status_and_lateness(
    status: PaymentStatus, lateness: float, expected: float
) -> None:
    assert payment_trouble(int(status), lateness) == expected


def test_lateness_is_counted_in_periods_where_the_due_time_is_known() -> None:
    assert periods_late(15.0 * DAY, 0.0, 30.0) == pytest.approx(0.5)
    assert periods_late(900.0 * DAY, 0.0, 30.0) == 1.0
    for paid, due, period in ((0.0, 5.0, 30.0), (5.0, NAN, 30.0), (5.0, 0.0, NAN), (5.0, 0.0, 0.0)):
        assert periods_late(paid, due, period) == 0.0


def test_payment_trouble_halves_with_its_half_life_and_late_news_weighs_less() -> None:
    failed = payment("a", 0.0, PaymentStatus.FAILED)
    whole = float(row_after([failed]).payment_trouble)
    half_life = PROFILE.payment_half_life_days
    later = [failed, purchase("a", half_life)]
    assert row_after(later).payment_trouble == pytest.approx(0.5 * whole)
    late = payment("a", 0.0, PaymentStatus.FAILED, late_days=2.0 * half_life)
    assert row_after([late]).payment_trouble == pytest.approx(0.25 * whole)


def test_payments_that_work_end_what_payments_in_trouble_began() -> None:
    failed = [payment("a", 300.0 + i, PaymentStatus.FAILED, event_id=f"f{i}") for i in range(3)]
    again = [payment("a", 304.0 + i, PaymentStatus.PAID, event_id=f"p{i}") for i in range(20)]
    assert row_after([*PAID, *failed]).causes == Cause.PAYMENT_TROUBLE
    assert row_after([*PAID, *failed, *again]).causes == 0
    assert row_after([*PAID, *failed, *again]).payment_trouble == 0.0


# bookings


def bookings(day: float, outcomes: str) -> list[Event]:
    """One a week: k(ept), n(o show), c(ancelled), r(escheduled)."""
    kinds = {"k": VisitKind.ATTENDED, "n": VisitKind.NO_SHOW}
    return [
        visit(
            "a",
            day + 7.0 * i,
            kinds.get(outcome, VisitKind.CANCELLED),
            extra=1.0 if outcome == "r" else 0.0,
            event_id=f"b-{day}-{i}",
        )
        for i, outcome in enumerate(outcomes)
    ]


def test_bookings_not_kept_add_up_until_they_are_a_cause() -> None:
    assert row_after(bookings(0.0, 20 * "k")).no_show_drift == 0.0
    one = row_after(bookings(0.0, 20 * "k" + "n"))
    share = PROFILE.missed_share * PROFILE.missed_share_count / (PROFILE.missed_share_count + 20.0)
    assert one.no_show_drift == pytest.approx(math.log(0.5 / share))
    assert one.causes == 0
    many = row_after(bookings(0.0, 20 * "k" + "ncnn"))
    assert int(many.causes) & Cause.NO_SHOWS
    assert (many.n_no_show, many.n_cancelled) == (3, 1)
    assert not int(row_after(bookings(0.0, 20 * "k" + "ncnn" + 12 * "k")).causes) & Cause.NO_SHOWS


def test_what_is_put_off_is_neither_kept_nor_missed() -> None:
    one = row_after(bookings(0.0, 20 * "k" + "n"))
    put_off = row_after(bookings(0.0, 20 * "k" + "nrrr"))
    assert put_off.no_show_drift == one.no_show_drift
    assert put_off.n_rescheduled == 3


def test_sessions_keep_no_bookings() -> None:
    missed = bookings(0.0, "nn")
    sessions = [visit("a", 20.0 + i, VisitKind.SESSION, event_id=f"s{i}") for i in range(9)]
    assert row_after([*missed, *sessions]).no_show_drift == row_after(missed).no_show_drift


# spend


def weekly(amounts: list[float], **other: Any) -> list[Event]:
    return [
        purchase("a", 7.0 * i, amount, event_id=f"w{i}", **other)
        for i, amount in enumerate(amounts)
    ]


USUAL = [40.0, 50.0, 45.0, 55.0, 38.0, 52.0, 47.0, 44.0, 50.0, 42.0]


def test_falling_spend_is_a_cause_and_rising_spend_is_not() -> None:
    assert row_after(weekly(USUAL)).spend_drift < 1.0
    fallen = row_after(weekly([*USUAL, 15.0, 14.0, 16.0]))
    assert threshold(PROFILE.spend_bar, log_price(PROFILE.record)) < fallen.spend_drift < 3 * 2.5
    assert fallen.causes == Cause.SPEND_DECLINE
    assert row_after(weekly([*USUAL, 150.0, 140.0, 160.0])).spend_drift == 0.0


def test_one_odd_basket_is_no_fall() -> None:
    assert row_after(weekly([*USUAL, 0.01])).causes == 0
    assert row_after(weekly([*USUAL, 0.01, *USUAL])).spend_drift < 1.0


def test_whose_baskets_differ_much_is_judged_by_that() -> None:
    wild = [10.0, 200.0, 40.0, 5.0, 300.0, 80.0, 12.0, 150.0, 20.0, 60.0]
    fall = [15.0, 14.0, 16.0]
    assert row_after(weekly([*wild, *fall])).spend_drift < 3.0


def test_falling_spend_needs_amounts_to_compare_with_in_the_same_currency() -> None:
    assert row_after(weekly([100.0, 1.0, 1.0])).spend_drift == 0.0
    yen = [purchase("a", 7.0 * (10 + i), 1.0, currency=JPY, event_id=f"y{i}") for i in range(5)]
    assert row_after([*weekly(USUAL), *yen]).spend_drift == 0.0


def test_falling_spend_goes_on_over_purchases_until_it_is_usual() -> None:
    events = weekly([*USUAL, *([15.0] * 40)])
    _, decided = live(events, events[-1].day, PROFILE)
    statuses = decided.records["status"].tolist()
    assert statuses[0] == Status.OPENED
    assert statuses.count(Status.OPENED) == 1
    assert statuses[-1] == Status.RESOLVED
    lasted = decided.records["time"][-1] - decided.records["time"][0]
    assert 60.0 * DAY < lasted <= (PROFILE.churn_horizon_days + 7.0) * DAY
    opened = (decided.records["time"][0] - START) / DAY
    assert opened == pytest.approx((decided.records["anchor"][0] - START) / DAY)


# complaints


def complaint(day: float, kind: SupportKind = SupportKind.COMPLAINT, **other: Any) -> Event:
    return support("a", day, kind, event_id=f"{kind}-{day}", **other)


def test_complaints_leak_by_the_difference_of_the_rates() -> None:
    usual = PROFILE.complaints_a_year / 365.25
    changed = 1.0 / PROFILE.complaint_every_days
    once = row_after([complaint(0.0)])
    assert once.complaints == pytest.approx(math.log(changed / usual))
    later = row_after([complaint(0.0), purchase("a", 10.0)])
    known = (PROFILE.complaint_count + 1.0) / (PROFILE.complaint_count / usual + 10.0)
    assert later.complaints == pytest.approx(once.complaints - 10.0 * (changed - known), rel=1e-5)
    assert row_after([complaint(0.0), purchase("a", 400.0)]).complaints == 0.0


def test_an_open_ticket_keeps_complaints_fresh_for_longer() -> None:
    asked = complaint(0.0, SupportKind.OPENED)
    unsolved = row_after([complaint(0.0), asked, purchase("a", 10.0)])
    solved = row_after([complaint(0.0), asked])
    assert (unsolved.open_tickets, solved.open_tickets) == (1, 1)
    lost = solved.complaints - unsolved.complaints
    twice = row_after([complaint(0.0), purchase("a", 10.0)])
    assert lost < 0.6 * (row_after([complaint(0.0)]).complaints - twice.complaints)
    resolved = row_after([asked, complaint(1.0, SupportKind.RESOLVED)])
    assert resolved.open_tickets == 0


def test_complaints_of_a_short_time_are_a_cause_and_those_of_years_are_not() -> None:
    assert row_after([complaint(day) for day in (300.0, 306.0, 312.0)]).causes == Cause.COMPLAINTS
    assert row_after([complaint(400.0 * i) for i in range(6)]).causes == 0


def test_who_ignores_every_message_is_not_alarming_by_it() -> None:
    ignored = [complaint(7.0 * i, SupportKind.MESSAGE_IGNORED) for i in range(60)]
    assert row_after(ignored).causes == 0


# visits

RHYTHM = [visit("a", 3.0 * i, event_id=f"v{i}") for i in range(40)]
LAST = 117.0
BOUGHT = [purchase("a", 10.0 * i, event_id=f"p{i}") for i in range(12)]


def test_a_closed_gap_adds_its_log_likelihood_ratio() -> None:
    before = row_after(RHYTHM)
    assert before.visit_drift == 0.0
    nu, location, scale = visit_gap(before, PROFILE.record)[:3]
    days = 8.0
    z = (math.log(days) - location) / scale
    slower = z - math.log(4.0) / scale
    after = row_after([*RHYTHM, visit("a", LAST + days, event_id="late")])
    without_absences = log_density(slower, nu) - log_density(z, nu)
    assert 0.0 < after.visit_drift < without_absences
    never = replace(SHOP, absences_a_year=0.0)
    plain = row_after([*RHYTHM, visit("a", LAST + days, event_id="late")], never)
    assert plain.visit_drift > after.visit_drift


def test_visits_that_become_rarer_are_a_cause() -> None:
    rarer = [visit("a", LAST + 13.0 * (i + 1), event_id=f"r{i}") for i in range(6)]
    assert causes_of([*BOUGHT, *RHYTHM, *rarer], LAST + 80.0) & Cause.VISIT_DRIFT


def test_one_absence_is_no_change_and_leaves_the_rhythm_as_it_was() -> None:
    before = row_after(RHYTHM)
    back = row_after([*RHYTHM, visit("a", LAST + 24.0, event_id="back")])
    assert not int(back.causes) & Cause.VISIT_DRIFT
    assert back.visit_gap_count - before.visit_gap_count < 0.2
    old, new = visit_gap(before, PROFILE.record), visit_gap(back, PROFILE.record)
    assert new[1] == pytest.approx(old[1], abs=0.05)


def test_silent_visits_among_purchases_say_more_than_silence_of_both() -> None:
    later = [purchase("a", 120.0 + 5.0 * i, event_id=f"l{i}") for i in range(4)]
    now = START + 136.0 * DAY
    away = row_after([*BOUGHT, *RHYTHM])
    shops = row_after([*BOUGHT, *RHYTHM, *later])
    assert shops.visit_quiet == pytest.approx(5.0)
    p = PROFILE.record
    assert visit_change(shops, now, p) > visit_change(away, now, p) + 1.0


def test_silent_visits_open_an_episode_when_nobody_can_be_away_that_long() -> None:
    state, _ = live([*BOUGHT, *RHYTHM], LAST, PROFILE)
    later = advance(state, START + (LAST + 200.0) * DAY).records
    assert np.any(later["causes"] & Cause.VISIT_SILENCE)
    assert np.all(np.diff(later["visit_logit"][later["status"] != Status.EXPIRED]) >= 0.0)


def test_looks_at_a_silence_come_again_until_it_has_spoken() -> None:
    state, _ = live([*BOUGHT, *RHYTHM], LAST, PROFILE)
    looks = []
    while state.rows[0]["visit_deadline"] < np.inf:
        looks.append((float(state.rows[0]["visit_deadline"]) - START) / DAY - LAST)
        advance(state, START + (LAST + looks[-1]) * DAY + 61.0)
        assert len(looks) < 40
    assert looks == sorted(looks)
    assert int(state.rows[0]["causes"]) & Cause.VISIT_SILENCE
    change = visit_change(
        state.rows.view(np.recarray)[0], START + (LAST + looks[-1]) * DAY, PROFILE.record
    )
    assert change == pytest.approx(
        threshold(PROFILE.visit_bar, log_price(PROFILE.record)), abs=0.05
    )


def test_a_visit_ends_what_silent_visits_said() -> None:
    state, _ = live([*BOUGHT, *RHYTHM], LAST + 100.0, PROFILE)
    assert int(state.rows[0]["causes"]) & Cause.VISIT_SILENCE
    back = row_after([*BOUGHT, *RHYTHM, visit("a", LAST + 100.0, event_id="back")])
    assert not int(back.causes) & Cause.VISIT_SILENCE
    assert back.visit_quiet == 0.0
