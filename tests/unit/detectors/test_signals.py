import math
from typing import Any

import numpy as np
import pytest

from detectors.customer import WEEK_SECONDS, WEEKS, Cause
from detectors.observations import PaymentStatus, PurchaseKind, SupportKind, VisitKind
from detectors.profile import Profile
from detectors.signals.spend import spend_trend
from detectors.signals.support import complaint_weight
from detectors.signals.visits import missed_ratio
from detectors.signals.windows import trends
from tests.laws.histories import (
    DAY,
    JPY,
    START,
    Event,
    live,
    payment,
    purchase,
    support,
    visit,
)


def row_after(events: list[Event], profile: Profile | None = None) -> Any:
    """The row of the only customer, right after the last event."""
    state, _ = live(events, max(event.order[0] for event in events), profile)
    assert state.size == 1
    return state.rows.view(np.recarray)[0]


def test_gaps_are_measured_between_occasions() -> None:
    row = row_after([purchase("a", 0.0), purchase("a", 0.02), purchase("a", 7.02)])
    assert row.n_purchases == 2
    assert row.gap_count == 1.0
    assert row.gap_log_sum == pytest.approx(math.log(7.0))
    assert row.gap_log_squares == pytest.approx(math.log(7.0) ** 2)
    assert row.spend == 60.0


def test_a_purchase_older_than_the_last_closes_no_gap_but_counts_in_its_week() -> None:
    events = [purchase("a", 0.0), purchase("a", 20.0), purchase("a", 12.0, late_days=9.0)]
    state, _ = live(events, 21.0)
    row = state.rows[0]
    assert row["n_purchases"] == 2
    assert row["gap_count"] == 1.0
    assert row["last_purchase"] == START + 20.0 * DAY
    assert row["week_purchases"].sum() == 3
    assert row["spend"] == 60.0
    assert state.population["out_of_order"][0].tolist() == [1, 0, 0, 0]
    assert state.population["gap_count"][0] == 1.0


def test_a_late_purchase_after_the_last_closes_its_gap_in_event_time() -> None:
    row = row_after([purchase("a", 0.0), purchase("a", 12.0, late_days=9.0)])
    assert row.gap_log_sum == pytest.approx(math.log(12.0))
    assert row.last_purchase == START + 12.0 * DAY


def test_an_id_is_known_again_for_the_next_eight_events() -> None:
    events = [purchase("a", 7.0 * i, event_id=f"e-{i}") for i in range(10)]
    for which, known in ((9, True), (2, True), (1, False)):
        state, _ = live([*events, purchase("a", 70.0, event_id=f"e-{which}")], 71.0)
        assert state.population["duplicates"][0].tolist() == [int(known), 0, 0, 0]
        assert state.rows[0]["n_purchases"] == 11 - known


def test_a_refund_takes_off_spend_and_is_no_purchase() -> None:
    refund = purchase("a", 3.0, 5.0, kind=PurchaseKind.REFUND)
    row = row_after([purchase("a", 0.0), refund])
    assert (row.n_purchases, row.n_refunds, row.spend) == (1, 1, 15.0)
    assert row.last_purchase == START


def test_another_currency_starts_the_sums_anew() -> None:
    row = row_after([purchase("a", 0.0), purchase("a", 9.0, 3_000.0, currency=JPY)])
    assert (row.spend, row.n_priced, row.currency) == (3_000.0, 1, JPY)
    assert row.n_purchases == 2


def test_a_refund_in_another_currency_only_counts() -> None:
    refund = purchase("a", 3.0, 5.0, kind=PurchaseKind.REFUND, currency=JPY)
    row = row_after([purchase("a", 0.0), refund])
    assert (row.spend, row.n_refunds) == (20.0, 1)


def test_a_purchase_without_an_amount_counts_all_the_same() -> None:
    row = row_after([purchase("a", 0.0, math.nan), purchase("a", 5.0, 0.0)])
    assert (row.n_purchases, row.n_priced, row.spend, row.currency) == (2, 0, 0.0, 0)


def test_spend_that_falls_has_a_negative_trend() -> None:
    steady = [purchase("a", 7.0 * week, 100.0) for week in range(10)]
    falling = [purchase("a", 70.0 + 7.0 * week, 20.0) for week in range(5)]
    assert spend_trend(row_after(steady)) == pytest.approx(0.0, abs=1e-6)
    assert spend_trend(row_after(steady + falling)) < -0.5


def test_buckets_hold_their_week_whatever_the_order_of_arrival() -> None:
    weeks = [week * 7.0 for week in range(20)]
    row = row_after([purchase("a", day) for day in weeks])
    assert row.week_purchases.tolist() == [1] * WEEKS
    assert row.week == math.floor((START + 133.0 * DAY) / WEEK_SECONDS)
    late = row_after([*(purchase("a", day) for day in weeks), purchase("a", 120.5, late_days=15.0)])
    assert sorted(late.week_purchases.tolist()) == [1] * (WEEKS - 1) + [2]
    gone = row_after([*(purchase("a", day) for day in weeks), purchase("a", 20.5, late_days=120.0)])
    assert gone.week_purchases.tolist() == [1] * WEEKS


def test_trends_compare_the_last_four_weeks_with_the_eight_before() -> None:
    row = row_after([visit("a", 7.0 * week) for week in range(12)])
    now = START + 77.0 * DAY
    assert trends(row, now)[1] == pytest.approx(0.0)
    assert trends(row, now)[0] == 0.0
    assert trends(row, now + 3 * WEEK_SECONDS)[1] < -0.7
    assert trends(row, now + 60 * WEEK_SECONDS)[1] == 0.0


def test_counts_of_a_week_stop_where_a_byte_does() -> None:
    row = row_after([visit("a", minute / 1_440) for minute in range(300)])
    assert row.week_visits.max() == 255
    assert row.n_visits == 1


def test_visits_that_did_not_take_place_are_no_visits() -> None:
    row = row_after(
        [
            visit("a", 0.0, VisitKind.BOOKING),
            visit("a", 5.0, VisitKind.ATTENDED),
            visit("a", 9.0, VisitKind.NO_SHOW),
            visit("a", 12.0, VisitKind.CANCELLED, extra=0.0),
            visit("a", 15.0, VisitKind.CANCELLED, extra=1.0),
        ]
    )
    assert (row.n_visits, row.n_no_show, row.n_cancelled, row.n_rescheduled) == (2, 1, 1, 1)
    assert row.last_visit == START + 5.0 * DAY
    assert missed_ratio(row) == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("kind", "score", "severity", "expected"),
    [
        (SupportKind.COMPLAINT, math.nan, math.nan, 1.0),
        (SupportKind.COMPLAINT, math.nan, 1.0, 0.5),
        (SupportKind.COMPLAINT, math.nan, 2.0, 1.0),
        (SupportKind.COMPLAINT, math.nan, 4.0, 3.0),
        (SupportKind.NPS, 6.0, math.nan, 1.0),
        (SupportKind.NPS, 7.0, math.nan, 0.0),
        (SupportKind.NPS, math.nan, math.nan, 0.0),
        (SupportKind.CSAT, 2.0, math.nan, 1.0),
        (SupportKind.CSAT, 5.0, math.nan, 0.0),
        (SupportKind.UNSUBSCRIBED, math.nan, math.nan, 1.0),
        (SupportKind.MESSAGE_IGNORED, math.nan, math.nan, 0.25),
        (SupportKind.OPENED, math.nan, math.nan, 0.25),
    ],
)
def test_what_support_hears_weighs_by_kind(
    kind: SupportKind, score: float, severity: float, expected: float
) -> None:
    assert complaint_weight(int(kind), score, severity) == expected
    once = row_after([support("a", 0.0, SupportKind.COMPLAINT)])
    row = row_after([support("a", 0.0, kind, value=score, extra=severity)])
    assert row.complaints == pytest.approx(expected * once.complaints)
    assert row.n_complaints == (1 if expected else 0)


def test_what_is_solved_halves_complaints_and_ends_a_request_to_cancel() -> None:
    asked = support("a", 0.0, SupportKind.CANCELLATION_REQUEST)
    complaint = support("a", 0.0, SupportKind.COMPLAINT, extra=3.0)
    row = row_after([asked, complaint])
    assert row.causes == Cause.CANCELLATION_REQUEST | Cause.COMPLAINTS
    row = row_after([asked, complaint, support("a", 0.0, SupportKind.RESOLVED, event_id="r")])
    assert (row.causes, row.cancelling) == (Cause.COMPLAINTS, 0)
    assert row.complaints == pytest.approx(0.5 * row_after([complaint]).complaints)


def test_the_last_purchase_and_the_last_trouble_are_kept_as_evidence() -> None:
    long_id = "x" * 41
    row = row_after(
        [
            purchase("a", 0.0, event_id="order-1"),
            payment("a", 1.0, PaymentStatus.PAID, event_id="paid-1"),
            payment("a", 2.0, PaymentStatus.FAILED, event_id=long_id),
            visit("a", 3.0, event_id="v-1"),
        ]
    )
    assert row.purchase_id[: row.purchase_id_length].tobytes() == b"order-1"
    kept = row.trouble_id[: row.trouble_id_length].tobytes()
    assert kept.startswith(b"xx64:")
    assert len(kept) == 21
    assert int(kept[5:], 16) > 0
