from dataclasses import replace

import numpy as np
import pytest

from detectors.customer import DAY_SECONDS
from detectors.judgement.as_of import as_of
from detectors.judgement.episodes import Status
from detectors.lab.engine_rows import EngineRun, chances, rows_after, silences
from detectors.lab.histories import Histories, episodes
from detectors.profile import Profile
from tests.laws.histories import START, live, purchase

PROFILE = Profile()


@pytest.fixture(scope="module")
def histories() -> Histories:
    rng = np.random.default_rng(8)
    days = np.floor(np.cumsum(rng.lognormal(1.5, 0.9, (40, 25)), axis=1))
    return Histories.of(np.repeat(np.arange(40), 25), days.ravel(), epoch=START)


def test_the_silence_evaluated_is_the_deadline_that_the_engine_wrote(histories: Histories) -> None:
    found = episodes(histories, 20.0, histories.end)
    rows = rows_after(histories, found.purchase, PROFILE)
    assert rows["last_purchase"] == pytest.approx(START + DAY_SECONDS * found.start)
    assert rows["n_purchases"] == pytest.approx(found.frequency + 1)
    days = silences(rows, PROFILE, np.array([PROFILE.alert_cost_days]))[:, 0]
    written = (rows["purchase_deadline"] - rows["last_purchase"]) / DAY_SECONDS
    assert days == pytest.approx(written, rel=1e-12)


def test_the_engine_alerts_after_the_silences_evaluated_and_at_no_other_time(
    histories: Histories,
) -> None:
    found = episodes(histories, 0.0, histories.end, prior_gaps=0)
    rows = rows_after(histories, found.purchase, PROFILE)
    days = silences(rows, PROFILE, np.array([PROFILE.alert_cost_days]))[:, 0]
    alerts = days < found.gap
    expected = np.sort(START + DAY_SECONDS * (found.start + days)[alerts])
    events = [
        purchase(str(customer), day)
        for customer, day in zip(histories.customer.tolist(), histories.day.tolist(), strict=True)
    ]
    _, decisions = live(events, histories.end + 1000.0, PROFILE)
    opened = decisions.records[decisions.records["status"] == Status.OPENED]
    assert np.sort(opened["time"]) == pytest.approx(expected, abs=1e-3)


def test_the_risk_evaluated_is_what_an_alert_would_say(histories: Histories) -> None:
    profile = replace(PROFILE, horizon_days=45.0)
    run = EngineRun(histories, profile)
    for _ in run.until(50.0):
        pass
    rows, now = run.state.rows[: histories.customers], float(run.seconds(50.0))
    said = [as_of(row, now, profile)["risk"] for row in rows]
    assert chances(rows, now, profile) == pytest.approx(said)


def test_what_the_engine_knows_does_not_depend_on_what_follows(histories: Histories) -> None:
    found = episodes(histories, 20.0, 60.0)
    whole = rows_after(histories, found.purchase, PROFILE)
    until = histories.until(60.0)
    cut = rows_after(until, episodes(until, 20.0, 60.0).purchase, PROFILE)
    assert whole.tobytes() == cut.tobytes()


def test_nobody_is_applied_twice_at_once_and_everything_is_applied(histories: Histories) -> None:
    run = EngineRun(histories, PROFILE)
    applied = list(run.until(30.0))
    assert all(np.unique(histories.customer[some]).size == some.size for some in applied)
    assert np.sort(np.concatenate(applied)).tolist() == np.flatnonzero(histories.day <= 30).tolist()
