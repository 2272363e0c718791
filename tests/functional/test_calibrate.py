"""`offbeat calibrate`: the price that keeps to a budget, and what cannot be met."""

import json
from pathlib import Path

import pytest

from detectors.profile import Profile
from tests.functional.tuning import Run, done, figures, parameters, purchases, refused


def test_calibrate_finds_the_price_that_keeps_to_the_budget(run: Run, shop: Path) -> None:
    output = done(run("calibrate", shop, "--false-alerts-per-customer-year", "1")).output
    assert "held out" in output
    found = figures("calibrate")
    assert 0.9 < found["false_a_living_year"] <= 1.0
    assert found["false_a_living_year_low"] < found["false_a_living_year"]
    assert found["held_out_false_a_living_year_high"] > 0
    assert parameters()["alert_cost_days"] == found["alert_cost_days"]
    ratio = Profile().visit_alert_cost_days / Profile().alert_cost_days
    visits = ratio * found["alert_cost_days"]
    assert parameters()["visit_alert_cost_days"] == pytest.approx(visits, rel=1e-3)


def test_calibrate_gives_the_same_every_time(run: Run, shop: Path) -> None:
    found = []
    for _ in range(2):
        done(run("calibrate", shop, "--alerts-per-day", "0.5", "-o", "p.toml"))
        found.append(figures("calibrate"))
        Path("p.toml").unlink()
    assert found[0] == found[1]


def test_the_price_does_not_know_what_is_held_out(run: Run, shop: Path, tmp_path: Path) -> None:
    """70 % of 400 days end on 8 October; from the 10th on, two purchases of three are left out."""
    lines = (shop / "purchases.jsonl").read_text().splitlines()
    thinned = [
        line
        for i, line in enumerate(lines)
        if json.loads(line)["event_time"] < "2025-10-10" or i % 3 == 0 or i == len(lines) - 1
    ]
    found = []
    for name, kept in (("all", lines), ("thinned", thinned)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "purchases.jsonl").write_text("\n".join(kept))
        budget = ("--false-alerts-per-customer-year", "1", "-o", f"{name}.toml")
        done(run("calibrate", tmp_path / name, *budget))
        found.append(figures("calibrate"))
    assert parameters("all.toml") == parameters("thinned.toml")
    expected = [
        {name: value for name, value in one.items() if "held_out" not in name} for one in found
    ]
    assert expected[0] == expected[1]
    assert found[0]["held_out_alerts_a_day"] != found[1]["held_out_alerts_a_day"]


def test_calibrate_keeps_the_ratio_between_purchases_and_visits(run: Run, shop: Path) -> None:
    Path("start.toml").write_text("alert_cost_days = 10\nvisit_alert_cost_days = 5\n")
    done(run("calibrate", shop, "--alerts-per-day", "1", "--profile", "start.toml"))
    found = parameters()
    assert found["visit_alert_cost_days"] == pytest.approx(found["alert_cost_days"] / 2, rel=1e-3)


def test_alerts_a_day_may_be_those_of_one_segment(run: Run, shop: Path) -> None:
    done(run("calibrate", shop, "--alerts-per-day", "0.3", "-o", "all.toml"))
    done(run("calibrate", shop, "--alerts-per-day", "0.3", "--segment", "loyal", "-o", "one.toml"))
    assert figures("calibrate")["alerts_a_day"] <= 0.3
    assert parameters("one.toml")["alert_cost_days"] < parameters("all.toml")["alert_cost_days"]


def test_a_segment_of_nobody_is_an_error_that_names_the_others(run: Run, shop: Path) -> None:
    said = refused(run("calibrate", shop, "--alerts-per-day", "1", "--segment", "golden"))
    assert "no alert is about a customer of segment 'golden'" in said
    assert "loyal" in said


def test_a_budget_that_cannot_be_met_is_told_the_nearest_that_can(run: Run, shop: Path) -> None:
    option = "--false-alerts-per-customer-year"
    for budget in ("0.0001", "5000"):
        said = refused(run("calibrate", shop, option, budget))
        nearest = said.rstrip(".\n").rsplit(f"{option} ", 1)[1]
        assert not Path("profile.toml").exists()
        done(run("calibrate", shop, option, nearest))
        Path("profile.toml").unlink()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one of --false-alerts-per-customer-year and --alerts-per-day is needed"),
        (
            ["--alerts-per-day", "1", "--false-alerts-per-customer-year", "1"],
            "one of --false-alerts-per-customer-year and --alerts-per-day is needed",
        ),
        (["--alerts-per-day", "-1"], "--alerts-per-day: must be a number above 0, got -1"),
        (["--false-alerts-per-customer-year", "1", "--segment", "loyal"], "--segment: it goes"),
        (["--alerts-per-day", "1", "--hold-out", "0.9"], "--hold-out: must be from 0.05 to 0.8"),
    ],
)
def test_calibrate_says_what_it_needs(
    run: Run, shop: Path, arguments: list[str], said: str
) -> None:
    assert said in refused(run("calibrate", shop, *arguments), 78)


def test_a_history_of_days_is_too_short_to_calibrate(run: Run, tmp_path: Path) -> None:
    days = {name: [0.0, 4.0, 9.0] for name in "abc"}
    said = refused(run("calibrate", purchases(tmp_path / "purchases.jsonl", days),
                       "--alerts-per-day", "1"))  # fmt: skip
    assert "it spans 9.0 days" in said
