"""What is said about customers whose story is known.

One file: every test tells a story to the same shop, a few lines each.
"""

import math
from hashlib import blake2b

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.customer import Cause, Episode
from detectors.engine import Decisions, advance, apply
from detectors.judgement.episodes import Severity, Status
from detectors.judgement.identity import alert_ids, fingerprints
from detectors.observations import Batch, PaymentStatus, SupportKind
from detectors.profile import Profile
from detectors.state import CustomerState
from tests.laws.histories import (
    DAY,
    SHOP,
    START,
    Event,
    batch_of,
    live,
    payment,
    purchase,
    support,
    visit,
)

WEEKLY = [purchase("a", 7.0 * week, event_id=f"p-{week}") for week in range(12)]
LAST = 77.0  # day of the last weekly purchase
LESSONS = [visit("a", 7.0 * week, event_id=f"v-{week}") for week in range(12)]


def story(
    events: list[Event], until_day: float, profile: Profile | None = None
) -> list[tuple[Status, float]]:
    """(status, day) of every decision."""
    _, decided = live(events, until_day, profile)
    return [(Status(r["status"]), (r["time"] - START) / DAY) for r in decided.records]


def decisions(events: list[Event], until_day: float) -> NDArray[np.void]:
    return live(events, until_day)[1].records


def test_who_keeps_their_beat_is_never_spoken_of() -> None:
    assert story(WEEKLY, LAST + 7.0) == []


def test_silence_opens_an_episode_at_its_deadline_whenever_it_is_found() -> None:
    state, _ = live(WEEKLY, LAST)
    deadline = float(state.rows[0]["purchase_deadline"])
    assert state.rows[0]["due"] == state.dues[0] <= deadline
    assert START + (LAST + 10.0) * DAY < deadline < START + (LAST + 40.0) * DAY
    for late_days in (0.1, 3.0):
        record = decisions(WEEKLY, (deadline - START) / DAY + late_days)[0]
        assert record["status"] == Status.OPENED
        assert record["time"] == record["opened_at"] == deadline
        assert record["anchor"] == START + LAST * DAY
        assert record["sequence"] == 1
        assert record["causes"] == Cause.PURCHASE_SILENCE
        assert math.isnan(record["resolved_at"])


def test_a_decision_waits_for_what_is_still_on_its_way() -> None:
    state, _ = live(WEEKLY, LAST)
    deadline = float(state.rows[0]["purchase_deadline"])
    assert len(advance(state, deadline + 60.0).records) == 0
    day = (deadline - START) / DAY
    in_time = purchase("a", day + 59.0 / 86_400.0, event_id="in time")
    assert len(apply(state, batch_of(state, [in_time])).records) == 0


def test_the_deadline_is_taken_before_the_observation_that_comes_after_it() -> None:
    told = story([*WEEKLY, purchase("a", 150.0)], 151.0)
    statuses = [status for status, _ in told]
    assert statuses[0] == Status.OPENED
    assert statuses[-1] == Status.RESOLVED
    assert set(statuses[1:-1]) <= {Status.UPDATED}
    assert told[-1][1] == pytest.approx(150.0)


def test_minutes_after_the_deadline_it_is_taken_first_too() -> None:
    state, _ = live(WEEKLY, LAST)
    deadline = float(state.rows[0]["purchase_deadline"])
    minutes_later = purchase("a", (deadline - START + 90.0) / DAY, event_id="too late")
    statuses = apply(state, batch_of(state, [minutes_later])).records["status"].tolist()
    assert statuses == [Status.OPENED, Status.RESOLVED]


def test_severity_rises_with_silence_until_the_customer_is_given_up() -> None:
    records = decisions(WEEKLY, 1_000.0)
    severities = records["severity"].tolist()
    assert severities == sorted(severities)
    assert severities[-2] == Severity.CRITICAL
    for record, least in zip(records[1:-1], (0.3, 0.6, 0.85)[-len(records) + 2 :], strict=True):
        assert 1.0 - record["p_alive"] == pytest.approx(least, abs=1e-9)
    assert records[-1]["status"] == Status.EXPIRED
    assert records[-1]["time"] == pytest.approx(records[0]["opened_at"] + 180.0 * DAY)


def test_after_expiry_a_return_is_silent_and_the_next_silence_a_new_episode() -> None:
    back = [purchase("a", 500.0 + 7.0 * week, event_id=f"b-{week}") for week in range(3)]
    records = decisions([*WEEKLY, *back], 800.0)
    ends = [i for i, record in enumerate(records) if record["status"] == Status.EXPIRED]
    following = records[ends[0] + 1]
    assert following["status"] == Status.OPENED
    assert following["sequence"] == 1
    assert following["anchor"] == START + 514.0 * DAY


def test_after_expiry_nothing_else_is_said() -> None:
    trouble = [payment("a", 600.0, PaymentStatus.CHARGEBACK, event_id=f"c-{i}") for i in range(5)]
    assert story([*WEEKLY, *trouble], 900.0)[-1][0] == Status.EXPIRED


def test_a_late_purchase_ends_a_silence() -> None:
    late = purchase("a", LAST + 20.0, late_days=25.0)
    records = decisions([*WEEKLY, late], LAST + 45.5)
    assert records[-1]["status"] == Status.RESOLVED
    assert records[-1]["resolved_at"] == START + (LAST + 45.0) * DAY


def test_an_out_of_order_purchase_ends_no_silence() -> None:
    old = purchase("a", 30.0, late_days=80.0)
    assert Status.RESOLVED not in dict(story([*WEEKLY, old], 112.0))


def test_a_first_purchase_alone_is_judged_as_the_population_is() -> None:
    _, decided = live([purchase("a", 0.0)], 60.0)
    record = decided.records[0]
    assert record["status"] == Status.OPENED
    assert 8.0 < (record["time"] - START) / DAY < 40.0
    assert record["prior_logit"] == pytest.approx(math.log(0.3 / 2.0))


def test_trouble_brings_the_silence_alert_forward() -> None:
    quiet = live(WEEKLY, LAST + 1.0)[0].rows[0]["purchase_deadline"]
    one_failure = [*WEEKLY, payment("a", LAST + 1.0, PaymentStatus.FAILED)]
    nearer = live(one_failure, LAST + 1.0)[0].rows[0]["purchase_deadline"]
    complaint = support("a", LAST + 1.0, SupportKind.COMPLAINT)
    nearest = live([*one_failure, complaint], LAST + 1.0)[0].rows[0]["purchase_deadline"]
    assert nearest < nearer < quiet


def test_silent_visits_bring_the_silence_alert_forward_before_they_are_a_cause() -> None:
    visits = [visit("a", float(day), event_id=f"v-{day}") for day in range(0, 80, 2)]
    state, _ = live([*WEEKLY, *visits], 78.0)
    before = state.rows[0].copy()
    assert before["causes"] == 0
    assert before["visit_deadline"] < before["purchase_deadline"]
    assert len(advance(state, before["visit_deadline"] + 61.0).records) == 0
    after = state.rows[0]
    assert after["causes"] == 0
    assert after["visit_evidence"] > 0.3
    assert before["visit_deadline"] < after["visit_deadline"] < before["purchase_deadline"]
    assert after["purchase_deadline"] < before["purchase_deadline"]


def test_who_lives_by_visits_is_judged_by_them() -> None:
    records = decisions(LESSONS, LAST + 60.0)
    assert records[0]["status"] == Status.OPENED
    assert records[0]["causes"] == Cause.VISIT_SILENCE
    assert records[0]["silence_logit"] == 0.0
    assert records[0]["visit_logit"] > 1.0
    assert records[0]["anchor"] == START


def test_a_visit_resolves_what_visits_opened_and_the_alert_keeps_its_id() -> None:
    records = decisions([*LESSONS, visit("a", LAST + 60.0)], LAST + 160.0)
    statuses = records["status"].tolist()
    again = statuses.index(Status.RESOLVED) + 1
    assert statuses[again] == Status.OPENED
    assert len(set(records["anchor"].tolist())) == 1
    assert records["sequence"].tolist() == list(range(1, len(records) + 1))


def test_a_first_purchase_does_not_alarm_who_keeps_coming() -> None:
    lessons = [visit("a", 7.0 * week, event_id=f"l-{week}") for week in range(40)]
    assert story([purchase("a", 1.0), *lessons], 273.0) == []


def test_a_request_to_cancel_opens_at_once_and_a_purchase_resolves_it() -> None:
    asked = support("a", LAST + 1.0, SupportKind.CANCELLATION_REQUEST)
    told = story([*WEEKLY, asked, purchase("a", LAST + 6.0)], LAST + 7.0)
    assert told == [(Status.OPENED, LAST + 1.0), (Status.RESOLVED, LAST + 6.0)]


def test_payment_trouble_opens_and_payments_resolve() -> None:
    failed = [payment("a", LAST + 1.0, PaymentStatus.CHARGEBACK)]
    days = [LAST + 1.0 + 0.5 * i for i in range(1, 9)]
    paid = [payment("a", day, PaymentStatus.PAID, event_id=f"paid-{day}") for day in days]
    told = story([*WEEKLY, *failed, *paid], LAST + 6.0)
    assert told[0] == (Status.OPENED, LAST + 1.0)
    assert told[-1][0] == Status.RESOLVED
    assert LAST + 2.0 < told[-1][1] < LAST + 5.0


def test_a_purchase_does_not_end_what_is_not_about_silence() -> None:
    failed = [payment("a", LAST + 1.0, PaymentStatus.CHARGEBACK, event_id="charged back")]
    bought = [purchase("a", LAST + 7.0 * week, event_id=f"b-{week}") for week in (1, 2, 3)]
    records = decisions([*WEEKLY, *failed, *bought], LAST + 22.0)
    assert records["status"].tolist().count(Status.OPENED) == 1
    assert Status.RESOLVED not in records["status"].tolist()
    assert set(records["anchor"].tolist()) == {START + LAST * DAY}


def test_silence_after_a_purchase_joins_the_episode_and_is_given_up_a_horizon_later() -> None:
    failed = [payment("a", LAST + 1.0, PaymentStatus.CHARGEBACK)]
    records = decisions([*WEEKLY, *failed, purchase("a", LAST + 7.0)], LAST + 400.0)
    assert np.any(records["causes"] == Cause.PAYMENT_TROUBLE | Cause.PURCHASE_SILENCE)
    assert records["status"][-1] == Status.EXPIRED
    assert records["time"][-1] == START + (LAST + 7.0 + 180.0) * DAY


def test_what_has_lasted_for_the_churn_horizon_is_usual_by_then() -> None:
    failed = [payment("a", LAST + 1.0, PaymentStatus.CHARGEBACK)]
    weeks = range(1, 30)
    bought = [purchase("a", LAST + 7.0 * week, event_id=f"b-{week}") for week in weeks]
    told = story([*WEEKLY, *failed, *bought], LAST + 203.0)
    assert [status for status, _ in told if status != Status.UPDATED] == [
        Status.OPENED,
        Status.RESOLVED,
    ]
    assert told[-1][1] == LAST + 182.0


def test_who_comes_back_after_being_given_up_begins_without_old_trouble() -> None:
    failed = [payment("a", LAST + 1.0, PaymentStatus.CHARGEBACK)]
    state, _ = live([*WEEKLY, *failed, purchase("a", LAST + 300.0)], LAST + 300.0)
    row = state.rows[0]
    assert (row["episode"], row["causes"], row["payment_trouble"]) == (Episode.NONE, 0, 0.0)
    assert row["anchor"] == START + (LAST + 300.0) * DAY


def test_another_cause_updates_the_open_episode() -> None:
    asked = support("a", LAST + 1.0, SupportKind.CANCELLATION_REQUEST)
    furious = support("a", LAST + 2.0, SupportKind.COMPLAINT, extra=4.0)
    records = decisions([*WEEKLY, asked, furious], LAST + 3.0)
    assert records["status"].tolist() == [Status.OPENED, Status.UPDATED]
    assert records["causes"][1] == Cause.CANCELLATION_REQUEST | Cause.COMPLAINTS
    assert records["opened_at"][1] == records["time"][0]


def test_trouble_reopens_an_episode_under_the_same_anchor() -> None:
    trouble = [payment("a", LAST + 1.0, PaymentStatus.CHARGEBACK)]
    days = [LAST + 1.0 + 0.2 * i for i in range(1, 9)]
    paid = [payment("a", day, PaymentStatus.PAID, event_id=f"paid-{day}") for day in days]
    again = [payment("a", LAST + 3.0, PaymentStatus.CHARGEBACK)]
    records = decisions([*WEEKLY, *trouble, *paid, *again], LAST + 4.0)
    assert records["sequence"].tolist() == [1, 2, 3]
    assert len(set(records["anchor"].tolist())) == 1


def test_many_decisions_at_once_are_all_told_in_order() -> None:
    events = [
        purchase(f"c-{number}", 1.0 + number / 3_000, event_id=f"p-{number}")
        for number in range(3_000)
    ]
    state, decided = live(events, 400.0)
    assert np.all(np.diff(decided.records["time"]) >= 0.0)
    statuses = decided.records["status"]
    assert np.count_nonzero(statuses == Status.OPENED) == 3_000
    assert np.count_nonzero(statuses == Status.EXPIRED) == 3_000
    assert np.all(state.rows[:3_000]["episode"] == Episode.EXPIRED)
    assert state.population["decisions"][0].sum() == len(decided.records)


def test_decisions_at_one_time_are_in_order_of_the_customers() -> None:
    events = [purchase(name, 1.0, event_id=name) for name in ("b", "c", "a")]
    state, decided = live(events, 100.0)
    opened = decided.records[decided.records["status"] == Status.OPENED]
    assert [state.customer_id(int(row)) for row in opened["row"]] == [b"a", b"b", b"c"]


def test_nothing_in_gives_nothing_out() -> None:
    state = CustomerState(SHOP)
    for nothing in (apply(state, batch_of(state, [])), advance(state, math.inf)):
        assert isinstance(nothing, Decisions)
        assert len(nothing.records) == len(nothing.customers) == len(nothing.examples) == 0


def test_observations_of_another_dtype_are_refused() -> None:
    state = CustomerState(SHOP)
    with pytest.raises(ValueError, match="observations must be OBSERVATION"):
        apply(state, Batch(np.zeros(1, [("x", "f8")]), np.zeros(0, np.uint8)))


def test_ids_of_alerts_depend_on_tenant_customer_and_anchor_alone() -> None:
    (one,) = alert_ids("default", [b"c-81"], [START])
    assert len(one) == 32
    assert int(one, 16) > 0
    assert alert_ids("default", [b"c-81"], [START + 1e-5]) == [one]
    others = {
        *alert_ids("other", [b"c-81"], [START]),
        *alert_ids("default", [b"c-82", b"c-81"], [START, START + 0.001]),
        *alert_ids("defaultc", [b"-81"], [START]),
        *fingerprints("default", [b"c-81", b"c-81"], [1, 3]),
    }
    assert len(others | {one}) == 7


def test_ids_of_alerts_are_those_of_all_versions() -> None:
    parts = b"default", b"c-81", b"1772431200500"
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    expected = blake2b(framed, digest_size=16, person=b"offbeat.alert.v1").hexdigest()
    assert alert_ids("default", [b"c-81"], [1772431200.5]) == [expected]
