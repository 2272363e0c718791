"""The benchmark itself: it looks at nothing that it should not, and says what it found."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.quality import clock, real
from benchmarks.quality.profiles import clock_profiles, profile_for
from benchmarks.quality.report import Report, spanned
from benchmarks.quality.stops import bought, scenario
from detectors.lab.baselines import fit_bgnbd, fit_mbgcnbd
from detectors.lab.delays import every_detector
from detectors.lab.evaluate import draws
from detectors.lab.histories import Histories, episodes
from detectors.lab.returns import TITLES, all_chances, engine_chances, questions
from detectors.lab.simulate import Simulation
from detectors.lab.trial import Trial
from detectors.profile import Profile
from streams.backtest.plots import Plot, Series

BEGIN, CUTOFF = 60.0, 100.0


def made(seed: int, since: float) -> Histories:
    """Histories that are the same for every seed before `since`, and not from then on."""
    same, other = np.random.default_rng(1), np.random.default_rng(seed)
    gaps = same.lognormal(1.8, 0.8, (120, 60))
    days = np.floor(np.cumsum(gaps, axis=1) + same.uniform(0, 20, (120, 1)))
    later = np.floor(days * other.uniform(1.0, 1.5, days.shape))
    days = np.where(days < since, days, later)
    kept = days < 200
    return Histories.of(np.nonzero(kept)[0], days[kept], 200.0)


def asked(histories: Histories) -> Trial:
    return Trial("some", "Some", histories, BEGIN, 40.0, 20.0, 30.0, (70.0, CUTOFF))


def test_what_is_fitted_does_not_know_what_came_from_t0_on() -> None:
    one, other = (made(seed, BEGIN).before(BEGIN) for seed in (2, 3))
    assert made(2, BEGIN).day.tolist() != made(3, BEGIN).day.tolist()
    assert profile_for(one, 20.0) == profile_for(other, 20.0)
    assert clock_profiles(one, ((20, 7),)) == clock_profiles(other, ((20, 7),))
    assert fit_bgnbd(one.summaries()) == fit_bgnbd(other.summaries())
    assert fit_mbgcnbd(one.summaries()) == fit_mbgcnbd(other.summaries())


def test_no_chance_knows_what_came_after_its_cut_off() -> None:
    said = []
    for seed in (2, 3):
        one = asked(made(seed, CUTOFF + 1))
        early = one.histories.before(BEGIN)
        models = fit_bgnbd(early.summaries()), fit_mbgcnbd(early.summaries())
        asked_of = list(questions(one))
        own = list(engine_chances(one, asked_of, profile_for(early, 20.0)[0]))
        said.append(dict(all_chances(one, asked_of[-1], own[-1], models)))
    assert said[0].keys() == TITLES.keys()
    for key in said[0].keys() - {"recency", "own_median"}:  # these are given the outcomes
        assert said[0][key].tobytes() == said[1][key].tobytes(), key


def test_no_silence_knows_what_came_after_its_purchase() -> None:
    silences = []
    for seed in (2, 3):
        one = asked(made(seed, CUTOFF))
        early = one.histories.before(BEGIN)
        models = fit_bgnbd(early.summaries()), fit_mbgcnbd(early.summaries())
        found = episodes(one.histories, BEGIN, CUTOFF - 1)
        every = every_detector(one, found, profile_for(early, 20.0)[0], models)
        silences.append({detector.key: detector.silences for detector in every})
    assert len(silences[0]) == 8
    for key in silences[0]:
        assert silences[0][key].tobytes() == silences[1][key].tobytes(), key


def test_a_set_is_evaluated_into_tables_figures_and_plots(tmp_path: Path) -> None:
    console = Console(record=True, width=150, quiet=False, file=(tmp_path / "out").open("w"))
    report = Report(console, tmp_path)
    real.evaluate(asked(made(2, BEGIN)), report)
    report.summary()
    for name in ("delay_days", "fixed_delay_days", "own_median_delay_gaps", "own_q90_recall"):
        assert f"some_{name}" in report.figures
    assert all(np.isfinite(value) for value in report.figures.values())
    assert 0 < report.figures["some_log_loss_low"] <= report.figures["some_log_loss_high"]
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        "some_delay.svg",
        "some_calibration.svg",
    }
    assert "fixed days, tuned" in console.export_text()


def test_a_plot_holds_what_lies_within_its_range() -> None:
    series = [Series("a < b", np.array([0.05, 0.2, 1.0]), np.array([9.0, 2.0, 1.0]))]
    drawn = Plot("t", "x", "y", log_x=True).draw(series, (0.1, 2.0))
    assert "a &lt; b" in drawn
    (line,) = (part for part in drawn.split("\n") if part.startswith("<polyline"))
    assert line.count(",") == 2


def test_figures_are_shown_with_their_interval_and_absent_ones_as_a_dash() -> None:
    assert spanned(np.array([2.0, 1.0, 3.0]), 2) == r"2.00 \[1.05, 2.95]"
    assert spanned(np.array([np.nan, 1.0]), 1) == "–"


def test_simulated_purchases_keep_their_customers_numbers() -> None:
    simulation = Simulation(scenario(50))
    histories = bought(simulation)
    assert histories.customers == 50
    assert (np.diff(histories.customer) >= 0).all()
    last = np.full(50, -np.inf)
    np.maximum.at(last, histories.customer, histories.day)
    left = (simulation.customers["left"] - simulation.scenario.start) / 86_400.0
    assert (last <= left).all()


@pytest.mark.parametrize("shop", clock.SHOPS, ids=lambda shop: shop.id)
def test_nobody_buys_while_the_shop_is_closed(shop: clock.Shop) -> None:
    world = shop.simulate(20)
    hours = (world.histories.day * 24.0).astype(int)
    assert (shop.hours[hours] > 0).all()
    for first, days in shop.closed:
        assert not ((world.histories.day > first) & (world.histories.day < first + days)).any()
    last = np.full(20, -np.inf)
    np.maximum.at(last, world.histories.customer, world.histories.day)
    assert (last <= world.left).all()


def test_what_is_compared_is_a_flat_clock_and_one_that_has_learnt_when_the_shop_is_open() -> None:
    shop = clock.SHOPS[2]
    profiles = clock_profiles(shop.simulate(60).histories.before(100.0), shop.closed)
    assert profiles["off"].clock.flat
    learnt = profiles["on"].clock
    assert not learnt.learns
    assert len(learnt.closed) == 12
    weights, hours = np.array(learnt.weights), np.array(shop.week)
    assert 0.0 < weights[hours == 0.0].max() < 0.2 < weights[hours == 2.0].min()
    assert np.corrcoef(weights, hours)[0, 1] > 0.95
    # days are as long as they are: what counts does not depend on the clock, nor on holidays
    assert weights.reshape(7, 24).mean(1)[:6] == pytest.approx(7.0 / 6.0, rel=0.15)


def test_the_same_profile_makes_as_many_false_alarms_as_itself() -> None:
    world = clock.SHOPS[0].simulate(30)
    profile, _ = profile_for(world.histories.before(100.0), 20.0)
    one = clock.counted(world, 100.0, profile)
    assert clock.ratio(one, one, draws(len(one.lost), 0))[0] == pytest.approx(1.0)


def test_who_knows_the_law_and_the_hours_alerts_less_often_in_vain() -> None:
    shop = clock.SHOPS[0]
    world = shop.simulate(100)
    without = clock.counted(world, 100.0, Profile())
    oracle = clock.counted_by_oracle(world, 100.0, shop)
    assert np.all(np.diff(oracle.false.sum(0)) <= 0)
    assert 0.0 < clock.ratio(without, oracle, draws(len(without.lost), 0))[0] < 0.8
