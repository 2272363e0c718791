"""Simulated customers: what the truth says happens in the events, and nothing else does."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.lab.scenario import DAY, DRIFTS, Drift, Scenario
from detectors.lab.simulate import Simulation, customer_id
from detectors.observations import Input, PaymentStatus, SupportKind, VisitKind

SCENARIO = Scenario(customers=1400, days=365, seed=5, drifting=0.5)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(SCENARIO)


@pytest.fixture(scope="module")
def events(simulation: Simulation) -> NDArray[np.void]:
    return np.concatenate(list(simulation.events()))


def of_drift(simulation: Simulation, drift: Drift) -> NDArray[np.void]:
    truth = simulation.truth
    mine: NDArray[np.void] = truth[truth["kind"] == DRIFTS.index(drift)]
    return mine


def around_onset(
    simulation: Simulation, events: NDArray[np.void], drift: Drift, source: Input
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Events of one input by the customers with this drift: before their onset, and after it."""
    truth = of_drift(simulation, drift)
    onset = np.full(SCENARIO.customers, np.nan)
    onset[truth["customer"]] = truth["onset"]
    mine = events[(events["input"] == source) & ~np.isnan(onset[events["customer"]])]
    before = mine["time"] < onset[mine["customer"]]
    return mine[before], mine[~before]


def share(events: NDArray[np.void], *kinds: int) -> float:
    return float(np.isin(events["kind"], kinds).mean())


def test_the_same_seed_gives_the_same_events(events: NDArray[np.void]) -> None:
    again = np.concatenate(list(Simulation(SCENARIO).events()))
    for name in events.dtype.names or ():
        np.testing.assert_array_equal(again[name], events[name], err_msg=name)


def test_another_seed_gives_other_events(events: NDArray[np.void]) -> None:
    other = np.concatenate(list(Simulation(Scenario(1400, 365, 6, drifting=0.5)).events()))
    assert len(other) != len(events) or (other["time"] != events["time"]).any()


def test_events_come_in_event_time_order_within_the_simulated_time(
    events: NDArray[np.void],
) -> None:
    assert (np.diff(events["time"]) >= 0).all()
    assert events["time"][0] >= SCENARIO.start
    assert events["time"][-1] < SCENARIO.end


def test_a_chunk_is_small_whatever_the_number_of_customers() -> None:
    scenario = Scenario(customers=20_000, days=20)
    assert max(len(chunk) for chunk in Simulation(scenario).events()) < 150_000


def test_every_input_numbers_its_events_without_a_gap(events: NDArray[np.void]) -> None:
    for source in Input:
        mine = events[events["input"] == source]
        np.testing.assert_array_equal(mine["number"], np.arange(len(mine)))


def test_every_kind_of_drift_befalls_its_share_of_the_customers(simulation: Simulation) -> None:
    for drift in Drift:
        assert len(of_drift(simulation, drift)) == 100


def test_nothing_is_bought_after_a_customer_left(
    simulation: Simulation, events: NDArray[np.void]
) -> None:
    left = simulation.customers["left"]
    assert (events["time"] < left[events["customer"]]).all()


def test_an_abrupt_stop_ends_everything_at_the_onset(
    simulation: Simulation, events: NDArray[np.void]
) -> None:
    for source in Input:
        before, after = around_onset(simulation, events, Drift.ABRUPT_STOP, source)
        assert len(before)
        assert not len(after)


def test_a_slow_down_makes_purchases_about_four_times_rarer(
    simulation: Simulation, events: NDArray[np.void]
) -> None:
    truth = of_drift(simulation, Drift.SLOW_DOWN)
    before, after = around_onset(simulation, events, Drift.SLOW_DOWN, Input.PURCHASES)
    joined = simulation.customers["joined"][truth["customer"]]
    days_before = (truth["onset"] - joined).sum()
    days_after = (np.minimum(truth["left"], SCENARIO.end) - truth["onset"]).sum()
    ratio = (len(before) / days_before) / (len(after) / days_after)
    assert 2.5 < ratio < 6.0


def test_spend_declines_to_a_third_and_the_beat_stays(
    simulation: Simulation, events: NDArray[np.void]
) -> None:
    before, after = around_onset(simulation, events, Drift.SPEND_DECLINE, Input.PURCHASES)
    onset = simulation.customers["onset"]
    late = after[after["time"] > onset[after["customer"]] + 60 * DAY]
    assert 0.2 < np.median(late["amount"]) / np.median(before["amount"]) < 0.5


def test_visits_end_first_and_purchases_only_later(
    simulation: Simulation, events: NDArray[np.void]
) -> None:
    assert not len(around_onset(simulation, events, Drift.VISITS_FIRST, Input.VISITS)[1])
    assert len(around_onset(simulation, events, Drift.VISITS_FIRST, Input.PURCHASES)[1]) > 100


@pytest.mark.parametrize(
    ("drift", "source", "kinds", "usual", "drifted"),
    [
        (
            Drift.PAYMENT_TROUBLE,
            Input.PAYMENTS,
            (PaymentStatus.LATE, PaymentStatus.FAILED),
            (0.0, 0.15),
            (0.6, 0.95),
        ),
        (Drift.NO_SHOWS, Input.VISITS, (VisitKind.NO_SHOW,), (0.0, 0.1), (0.4, 0.7)),
        (Drift.COMPLAINTS, Input.SUPPORT, (SupportKind.COMPLAINT,), (0.0, 0.4), (0.5, 0.75)),
    ],
)
def test_trouble_shows_from_the_onset_on(
    simulation: Simulation,
    events: NDArray[np.void],
    drift: Drift,
    source: Input,
    kinds: tuple[int, ...],
    usual: tuple[float, float],
    drifted: tuple[float, float],
) -> None:
    before, after = around_onset(simulation, events, drift, source)
    assert usual[0] <= share(before, *kinds) < usual[1]
    assert drifted[0] < share(after, *kinds) < drifted[1]


def test_a_vacation_is_silent_but_for_payments(
    simulation: Simulation, events: NDArray[np.void]
) -> None:
    who = simulation.customers
    begins, ends = who["away_from"][events["customer"]], who["away_to"][events["customer"]]
    time = events["time"][:, None]
    # a return is drawn behind the vacation it ends, and may fall into another one
    away = ((begins <= time) & (time < ends)).any(axis=1)
    paid = events["input"] == Input.PAYMENTS
    assert away[paid].mean() > 0.03
    assert away[~paid].mean() < 0.005


def test_a_silent_customer_stops_at_three_fifths_of_the_time() -> None:
    scenario = Scenario(customers=50, days=200, drifting=0.0, silent=(7,))
    simulation = Simulation(scenario)
    events = np.concatenate(list(simulation.events()))
    assert simulation.truth["customer"].tolist() == [7]
    assert events["time"][events["customer"] == 7].max() < scenario.start + 120 * DAY


def test_customer_ids_sort_like_their_numbers() -> None:
    assert customer_id(7) == "c-000007"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customers", 0),
        ("days", 0.0),
        ("days", float("nan")),
        ("start", float("inf")),
        ("drifting", 1.5),
        ("vacations", -0.1),
        ("drifts", ()),
        ("silent", (1000,)),
    ],
)
def test_an_argument_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must"):
        Scenario(**{name: value})  # type: ignore[arg-type]  # one wrong value at a time
