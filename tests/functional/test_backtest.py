"""`offbeat backtest`: against rules and models, and one profile against another."""

import json
from pathlib import Path

from tests.functional.tuning import Run, done, figures, purchases, refused

COLUMNS = {"customer_id", "opened_at", "status", "severity", "reason", "came_back"}


def test_backtest_holds_offbeat_against_rules_and_models(run: Run, shop: Path) -> None:
    output = done(run("backtest", shop, "--horizon-days", "45")).output
    for words in ("fixed days, tuned", "k × own mean", "k × own median", "BG/NBD", "AUC"):
        assert words in output
    found = figures("backtest")
    assert found["backtest_delay_days"] <= 45
    assert 0.5 < found["backtest_auc"] < 1.0
    assert found["backtest_fixed_delay_days_low"] < found["backtest_fixed_delay_days_high"]
    assert found["left"] > 5
    plots = {path.name for path in Path("build/backtest").iterdir()}
    assert plots == {"backtest_delay.svg", "backtest_calibration.svg"}


def test_what_comes_from_the_split_on_changes_no_parameter(
    run: Run, shop: Path, tmp_path: Path
) -> None:
    """A given profile of what lies before the split is what would have been fitted."""
    split = "2025-07-01"
    done(run("fit", shop, "--until", split))
    done(run("backtest", shop, "--split", split, "--horizon-days", "45"))
    once = figures("backtest")
    done(run("backtest", shop, "--split", split, "--horizon-days", "45",
             "--profile", "profile.toml"))  # fmt: skip
    assert figures("backtest") == once


def test_at_most_so_many_customers_are_judged(run: Run, shop: Path) -> None:
    output = done(run("backtest", shop, "--horizon-days", "45", "--customers", "80")).output
    assert "75 of 150 customers" in output


def test_a_split_too_near_to_the_end_names_what_would_do(run: Run, shop: Path) -> None:
    said = refused(run("backtest", shop, "--split", "2026-01-20"))
    assert "there are not 60 days between the split, 2026-01-20, and the end" in said
    assert "--horizon-days below 1" in said


def test_where_nobody_left_there_is_no_delay(run: Run, tmp_path: Path) -> None:
    faithful = {f"c{i}": [float(day) for day in range(i, 300, 6 + i % 3)] for i in range(30)}
    path = purchases(tmp_path / "purchases.jsonl", faithful)
    assert "0 were for good" in refused(run("backtest", path))


def test_compare_lists_what_is_gained_and_lost(run: Run, shop: Path) -> None:
    Path("a.toml").write_text("alert_cost_days = 30\nvisit_alert_cost_days = 30\n")
    Path("b.toml").write_text("[profile]\nalert_cost_days = 5\nvisit_alert_cost_days = 5\n")
    output = done(run("backtest", shop, "--compare", "a.toml", "b.toml")).output
    assert "false alerts a living customer-year" in output
    found = figures("compare")
    for name, column in (("lost", "before"), ("gained", "after")):
        lines = Path(f"build/backtest/{name}.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert len(rows) == found[f"{column}_only"]
        assert f"{len(rows)} alerts {name}" in output
        assert all(row.keys() == COLUMNS for row in rows)
    assert found["after_opened"] - found["after_only"] == (
        found["before_opened"] - found["before_only"]
    )
    assert found["both_earlier"] > 0 == found["both_later"]
    assert found["days_earlier"] > 0


def test_compare_names_the_file_and_the_field_that_is_wrong(run: Run, shop: Path) -> None:
    Path("a.toml").write_text("")
    Path("b.toml").write_text("alert_cost = 5\n")
    said = refused(run("backtest", shop, "--compare", "a.toml", "b.toml"), 78)
    assert "b.toml: alert_cost: no such parameter. Did you mean alert_cost_days" in said
