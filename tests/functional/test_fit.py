"""`offbeat fit`: from a file to a profile."""

import json
from pathlib import Path

import polars as pl
import pytest

from tests.functional.tuning import Run, done, figures, parameters, purchases, refused


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
