"""`offbeat fit`, `calibrate` and `backtest`: from a file to a profile that is known to work.

One file, for all commands are tried on the same simulated shops, which take long to make.
"""

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from detectors.profile import Profile
from streams.cli import app

Run = Callable[..., Result]

DAY_MS = 86_400_000
START_MS = 1_735_689_600_000  # 2025-01-01
COLUMNS = {"customer_id", "opened_at", "status", "severity", "reason", "came_back"}


def simulated(folder: Path, *arguments: str) -> Path:
    result = CliRunner().invoke(app, ["simulate", *arguments, "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    return simulated(folder, "--customers", "150", "--days", "400", "--drifting", "0.4")


@pytest.fixture(scope="module")
def corner_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough to fit to, and no larger: a search of a dozen parameters takes its time."""
    folder = tmp_path_factory.mktemp("shop") / "corner"
    return simulated(folder, "--customers", "40", "--days", "300")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    for name in os.environ:
        if name.startswith("OFFBEAT_"):
            monkeypatch.delenv(name)

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def refused(result: Result, code: int = 65) -> str:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.stderr


def parameters(name: str = "profile.toml") -> dict[str, float]:
    found: dict[str, float] = tomllib.loads(Path(name).read_text())["profile"]
    return found


def figures(name: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(Path(f"build/figures/{name}.json").read_text())
    return found


def purchases(path: Path, days: dict[str, list[float]]) -> Path:
    lines = [
        json.dumps(
            {
                "event_id": f"{customer}-{day}", "customer_id": customer, "amount": 9.5,
                "currency": "EUR", "event_time": START_MS + int(day * DAY_MS),
            }
        )
        for customer, all_days in days.items()
        for day in all_days
    ]  # fmt: skip
    path.write_text("\n".join(lines))
    return path


# --- fit ------------------------------------------------------------------------------------------


def test_fit_writes_a_profile_that_is_likelier_and_says_so(run: Run, corner_shop: Path) -> None:
    output = done(run("fit", corner_shop)).output
    assert "usual gap, days" in output
    assert "from the default profile" in output
    found = figures("fit")
    assert found["log_likelihood_a_gap_now"] > found["log_likelihood_a_gap_before"]
    assert found["customers"] <= 40
    assert parameters()["gap_location"] == found["gap_location_now"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("shop", "--from-worker"), ("--from-worker", "--until", "2025-07-15")],
    ids=["neither", "both", "until"],
)
def test_fit_wants_to_know_what_to_fit_to(run: Run, arguments: tuple[str, ...]) -> None:
    assert "a FILE, with or without --until; or --from-worker alone" in refused(
        run("fit", *arguments), 78
    )


def test_fit_until_a_day_looks_at_nothing_after_it_and_is_told_how_that_went(
    run: Run, corner_shop: Path, tmp_path: Path
) -> None:
    done(run("fit", corner_shop, "--until", "2025-07-15", "-o", "one.toml"))
    assert figures("fit")["later_log_likelihood_a_gap_now"] < 0
    early = tmp_path / "purchases.jsonl"
    lines = (corner_shop / "purchases.jsonl").read_text().splitlines()
    kept = [line for line in lines if json.loads(line)["event_time"] < "2025-07-15"]
    early.write_text("\n".join(kept))
    later = [json.loads(line) | {"event_time": "2025-07-15T00:00:00Z"} for line in lines[:1]]
    with early.open("a") as file:
        file.writelines("\n" + json.dumps(line | {"event_id": "x"}) for line in later)
    done(run("fit", early, "--until", "2025-07-15", "-o", "two.toml"))
    assert parameters("one.toml") == parameters("two.toml")


def test_a_second_fit_updates_the_file_and_keeps_what_else_is_in_it(
    run: Run, corner_shop: Path
) -> None:
    Path("profile.toml").write_text("# by hand: 33\n[profile]\nalert_cost_days = 33\n")
    assert "from profile.toml" in done(run("fit", corner_shop)).output
    assert parameters()["alert_cost_days"] == 33
    done(run("fit", corner_shop))
    lines = Path("profile.toml").read_text().splitlines()
    assert lines[0] == "# by hand: 33"
    assert sum(line.startswith("# offbeat fit:") for line in lines) == 1


def test_csv_parquet_and_json_lines_are_fitted_alike(
    run: Run, corner_shop: Path, tmp_path: Path
) -> None:
    frame = pl.read_ndjson(corner_shop / "purchases.jsonl", infer_schema_length=None)
    frame.write_csv(tmp_path / "purchases.csv")
    frame.write_parquet(tmp_path / "purchases.parquet")
    fitted = []
    for name in (corner_shop / "purchases.jsonl", "purchases.csv", "purchases.parquet"):
        done(run("fit", name, "-o", f"{Path(name).suffix}.toml"))
        fitted.append(parameters(f"{Path(name).suffix}.toml"))
    assert fitted[0] == fitted[1] == fitted[2]


def test_an_empty_file_is_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "purchases.jsonl").write_text("")
    for command in (["fit"], ["calibrate", "--alerts-per-day", "1"], ["backtest"]):
        said = refused(run(*command, "purchases.jsonl"))
        assert "holds no event" in said


def test_without_gaps_there_is_nothing_to_fit_to(run: Run, tmp_path: Path) -> None:
    once = purchases(tmp_path / "purchases.jsonl", {"a": [0], "b": [3], "c": [60]})
    said = refused(run("fit", once))
    assert "no customers have bought twice" in said
    assert "a longer history" in said


def test_a_single_customer_is_no_population(run: Run, tmp_path: Path) -> None:
    alone = purchases(tmp_path / "purchases.jsonl", {"a": [float(day) for day in range(0, 300, 7)]})
    assert "1 customer has bought twice" in refused(run("fit", alone))
    calibrate = run("calibrate", alone, "--alerts-per-day", "1")
    assert "1 customer has come back" in refused(calibrate)
    assert "1 customer has bought twice" in refused(run("backtest", alone))


@pytest.mark.parametrize("day", ["2031-01-01", "2001-01-01"])
def test_a_day_outside_the_file_is_an_error_that_says_what_is_inside(
    run: Run, shop: Path, day: str
) -> None:
    for option in (("fit", "--until"), ("backtest", "--split")):
        said = refused(run(option[0], shop, option[1], day))
        assert f"{option[1]} {day} is not within the history" in said
        assert "Accepted: a day after 2025-01-01 and up to 2026-02-0" in said


def test_what_is_no_day_is_an_error(run: Run, shop: Path) -> None:
    assert "--until must be a day" in refused(run("fit", shop, "--until", "soon"))


# --- calibrate ------------------------------------------------------------------------------------


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


# --- backtest -------------------------------------------------------------------------------------


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


# --- a profile wherever one is used ---------------------------------------------------------------


def test_replay_explain_and_config_take_a_profile_by_flag_or_variable(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("dear.toml").write_text("alert_cost_days = 5000\nvisit_alert_cost_days = 5000\n")
    Path("far.toml").write_text("horizon_days = 123\n")
    usual = done(run("replay", shop, "--out", "usual"))
    done(run("replay", shop, "--out", "flag", "--profile", "dear.toml"))
    assert (
        "123 days"
        in done(run("explain", "c-000001", "--from", shop, "--profile", "far.toml")).output
    )
    shown = done(run("config", "show", "--profile", "dear.toml")).output.splitlines()
    (line,) = (line for line in shown if line.startswith("alert_cost_days = 5000"))
    assert line.endswith("# dear.toml")
    monkeypatch.setenv("OFFBEAT_PROFILE_FILE", "dear.toml")
    done(run("replay", shop, "--out", "variable"))
    alerts = {
        name: Path(name, "alerts.jsonl").read_bytes() for name in ("usual", "flag", "variable")
    }
    assert alerts["flag"] == alerts["variable"]
    assert len(alerts["flag"]) < len(alerts["usual"])
    assert "alerts" in usual.output


def test_a_worker_refuses_a_profile_that_is_wrong(run: Run) -> None:
    Path("wrong.toml").write_text("gap_scael = 5\n")
    said = refused(run("worker", "--profile", "wrong.toml"), 78)
    assert "wrong.toml: gap_scael: no such parameter. Did you mean gap_scale" in said
