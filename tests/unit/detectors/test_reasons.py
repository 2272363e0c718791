"""What alerts say in words."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.clock.value import Clock
from detectors.judgement.as_of import as_of
from detectors.judgement.episodes import Status
from detectors.judgement.reasons import Explanation, explain
from detectors.judgement.value import currency_name
from detectors.observations import PaymentStatus, SupportKind, VisitKind
from tests.laws.histories import DAY, SHOP, START, Event, live, payment, purchase, support, visit

WEEKLY = [purchase("a", 7.0 * week, event_id=f"p-{week}") for week in range(12)]
LAST = 77.0


def said_of(events: list[Event], until_day: float) -> list[Explanation]:
    profile = SHOP
    _, decided = live(events, until_day, profile)
    return [
        explain(record, customer, profile)
        for record, customer in zip(decided.records, decided.customers, strict=True)
    ]


def test_silence_is_told_in_the_customers_own_numbers() -> None:
    said = said_of(WEEKLY, LAST + 40.0)[0]
    (reason,) = said.reasons
    assert reason.code == "purchase_silence"
    assert reason.text.startswith(f"No purchase for {said.silence_days:.0f} days; ")
    assert "usually every 7 days (9 in 10 within" in reason.text
    assert (reason.usual, reason.observed) == (said.gap_days, said.silence_days)
    assert (reason.unit, reason.evidence) == ("days", ("p-11",))
    assert said.gap_days is not None
    assert 6.0 < said.gap_days < 8.0
    assert said.p90_gap_days is not None
    assert said.gap_days < said.p90_gap_days < 30.0
    assert said.n_gaps == 11
    assert (said.confidence, said.segment) == ("established", "loyal")
    assert said.suggested_action == "win_back_offer"
    assert said.opened_at == said.updated_at
    assert said.resolved_at is None


def test_closed_time_is_told_apart_from_silence() -> None:
    begin = START + (LAST + 1.0) * DAY
    closed = replace(SHOP, clock=Clock(closed=((begin, begin + 21.0 * DAY),)))
    _, decided = live(WEEKLY, LAST + 60.0, closed)
    said = explain(decided.records[0], decided.customers[0], closed)
    plain = said_of(WEEKLY, LAST + 40.0)[0]
    assert said.opened_at == plain.opened_at + 21.0 * DAY
    assert said.silence_days == plain.silence_days
    days = said.silence_days or 0.0
    text = f"No purchase for {days + 21.0:.0f} days, {days:.0f} days without closed time; usually"
    assert said.reasons[0].text.startswith(text)


def test_value_at_risk_is_what_the_usual_rhythm_would_bring() -> None:
    said = said_of(WEEKLY, LAST + 40.0)[0]
    assert said.currency == "EUR"
    assert 400.0 < said.value_at_risk < 600.0  # 20 a week, for 180 days


def test_without_a_price_there_is_no_value_to_tell() -> None:
    events = [purchase("a", 7.0 * week, float("nan"), event_id=f"{week}") for week in range(5)]
    said = said_of(events, 100.0)[0]
    assert (said.value_at_risk, said.currency) == (0.0, None)
    assert currency_name(0x4A5059) == "JPY"


def test_two_purchases_in_a_week_make_no_fortune() -> None:
    value = said_of([purchase("a", 0.0), purchase("a", 1.0)], 100.0)[0].value_at_risk
    assert value < 2.0 * 40.0 * 180.0 / 2.0


def test_a_newcomer_is_told_by_what_customers_usually_do() -> None:
    said = said_of([purchase("a", 0.0, event_id="first")], 60.0)[0]
    assert "customers usually come back after" in said.reasons[0].text
    assert (said.confidence, said.segment) == ("new", "newcomer")
    assert said.suggested_action == "second_purchase_offer"
    assert said.n_gaps == 0


@pytest.mark.parametrize(
    ("weeks", "confidence", "words"),
    [
        (2, "learning", "going by one gap of their own and by other customers, every"),
        (3, "learning", "going by 2 gaps of their own and by other customers, every"),
        (4, "established", "usually every"),
    ],
)
def test_how_well_a_customer_is_known_is_said_in_words(
    weeks: int, confidence: str, words: str
) -> None:
    events = [purchase("a", 7.0 * week, event_id=f"p-{week}") for week in range(weeks)]
    said = said_of(events, 100.0)[0]
    assert said.confidence == confidence
    assert words in said.reasons[0].text


def test_segment_and_value_are_told_in_words() -> None:
    others = [
        purchase(f"o-{number}", 7.0 * week, 5.0 + number, event_id=f"{number}-{week}")
        for number in range(9)
        for week in range(12)
    ]
    profile = replace(SHOP, value_customers=5)
    state, decided = live([*others, *WEEKLY], LAST + 40.0, profile)
    mine = np.flatnonzero(decided.records["row"] == state.find(b"a"))[0]
    said = explain(decided.records[mine], decided.customers[mine], profile)
    assert (said.segment, said.best_segment, said.value_tenth) == ("vip", "vip", 10)
    amount = f"{said.value_at_risk:,.2f}"
    assert said.standing == (
        f"VIP, would spend some {amount} EUR in 180 days, worth more than 90 % of customers."
    )
    assert said.suppressed_reason is None


def test_who_sleeps_is_remembered_as_what_they_were() -> None:
    said = said_of(WEEKLY, LAST + 400.0)[-1]
    assert (said.segment, said.best_segment) == ("sleeper", "loyal")
    assert said.standing.startswith("Sleeper (loyal before), would spend some ")


def test_every_stream_that_speaks_is_a_reason_the_strongest_first() -> None:
    events = [
        *WEEKLY,
        payment("a", 1.0, PaymentStatus.PAID, event_id="paid"),
        payment("a", LAST + 1.0, PaymentStatus.CHARGEBACK, event_id="back"),
        support("a", LAST + 2.0, SupportKind.COMPLAINT, event_id="angry"),
        support("a", LAST + 3.0, SupportKind.CANCELLATION_REQUEST, event_id="asked"),
    ]
    said = said_of(events, LAST + 3.0)[-1]
    codes = [reason.code for reason in said.reasons]
    assert codes == ["cancellation_request", "payment_trouble", "complaints", "purchase_silence"]
    contributions = [reason.contribution for reason in said.reasons]
    assert contributions == sorted(contributions, reverse=True)
    assert said.suggested_action == "retention_call"
    texts = {reason.code: reason.text for reason in said.reasons}
    assert texts["cancellation_request"] == "Asked to cancel."
    assert texts["payment_trouble"] == (
        "1 payment late, failed or taken back, 1 without trouble; "
        "what is recent weighs 4.0 (3.0 is a cause)."
    )
    assert texts["complaints"] == "1 complaint; what is recent weighs 3.9 (3.1 is a cause)."
    assert said.reasons[0].evidence == ("asked",)


def test_falling_spend_and_missed_bookings_are_told_in_the_customers_own_numbers() -> None:
    cheaper = [purchase("a", 84.0 + 7.0 * i, 5.0, event_id=f"c-{i}") for i in range(3)]
    kinds = [VisitKind.ATTENDED] * 9 + [VisitKind.NO_SHOW] * 3
    lessons = [visit("a", 22.0 + 7.0 * i, kind, event_id=f"l-{i}") for i, kind in enumerate(kinds)]
    said = said_of([*WEEKLY, *cheaper, *lessons], 99.5)[-1]
    reasons = {reason.code: reason for reason in said.reasons}
    assert reasons["spend_decline"].text == ("Spends some 10 EUR a purchase of late; usually 15.")
    assert reasons["spend_decline"].unit == "EUR"
    assert reasons["spend_decline"].evidence == ("c-2",)
    assert reasons["no_shows"].text.startswith("3 bookings called off or missed, 9 kept; ")
    assert reasons["no_shows"].evidence == ("l-11",)


def test_rarer_visits_are_counted_against_the_usual_ones() -> None:
    often = [visit("a", 3.0 * i, event_id=f"v-{i}") for i in range(28)]
    rarely = [visit("a", 81.0 + 14.0 * (i + 1), event_id=f"r-{i}") for i in range(8)]
    kept = [purchase("a", 7.0 * week, event_id=f"k-{week}") for week in range(29)]
    profile = SHOP
    state, _ = live([*kept, *often, *rarely], 193.0, profile)
    now = START + 194.0 * DAY
    reasons = explain(as_of(state.rows[0], now, profile), state.rows[0], profile).reasons
    (reason,) = (one for one in reasons if one.code == "visit_drift")
    assert reason.text.startswith("2 visits in the last 4 weeks; usually every ")
    assert (reason.unit, reason.observed) == ("visits", 2.0)
    assert reason.usual is not None
    assert 5.0 < reason.usual < 10.0
    assert reason.contribution > 0.0


def test_visits_are_told_for_who_lives_by_them() -> None:
    lessons = [visit("a", 3.5 * lesson, event_id=f"{lesson}") for lesson in range(12)]
    said = said_of(lessons, 90.0)[0]
    assert [reason.code for reason in said.reasons] == ["visit_silence"]
    assert "No visit for" in said.reasons[0].text
    assert said.n_gaps == 11
    assert said.silence_days == said.reasons[0].observed
    assert said.suggested_action == "invite_back"


def test_who_has_neither_bought_nor_visited_has_nothing_usual() -> None:
    said = said_of([support("a", 0.0, SupportKind.CANCELLATION_REQUEST)], 1.0)[0]
    assert (said.gap_days, said.p90_gap_days, said.n_gaps) == (None, None, 0)
    assert said.silence_days is None
    assert said.value_at_risk == 0.0


def test_a_closed_episode_suggests_nothing() -> None:
    profile = SHOP
    _, decided = live([*WEEKLY, purchase("a", 150.0)], 151.0, profile)
    record, customer = decided.records[-1], decided.customers[-1]
    assert record["status"] == Status.RESOLVED
    said = explain(record, customer, profile)
    assert said.suggested_action == "none"
    assert said.reasons == ()
    assert said.resolved_at == START + 150.0 * DAY
