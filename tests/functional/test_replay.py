"""`offbeat replay`: the worker's decisions, over files."""

import json
import random
import re
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl
import pytest
from typer.testing import CliRunner

from schemas.alerts import Alert, decode
from streams.cli import app

INPUTS = ("purchases", "visits", "payments", "support")


class Run(NamedTuple):
    """What one call came to."""

    exit_code: int
    output: str
    alerts: bytes
    dead_letters: list[dict[str, object]]

    @property
    def decoded(self) -> list[Alert]:
        return [decode(line) for line in self.alerts.splitlines()]


def replay(path: Path, out: Path, *arguments: str) -> Run:
    result = CliRunner().invoke(app, ["replay", str(path), "--out", str(out), *arguments])
    alerts, letters = out / "alerts.jsonl", out / "dead-letters.jsonl"
    return Run(
        result.exit_code,
        result.output,
        alerts.read_bytes() if alerts.exists() else b"",
        [json.loads(line) for line in letters.open()] if letters.exists() else [],
    )


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events")
    arguments = ["--customers", "150", "--days", "300", "--silent", "c-000007"]
    result = CliRunner().invoke(app, ["simulate", *arguments, "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def replayed(events: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = replay(events, tmp_path_factory.mktemp("replayed"))
    assert run.exit_code == 0, run.output
    assert not run.dead_letters
    return run


def copied(events: Path, folder: Path) -> dict[str, list[str]]:
    """The lines of each input, to be written into `folder` in some other form."""
    folder.mkdir(exist_ok=True)
    return {name: (events / f"{name}.jsonl").read_text().splitlines() for name in INPUTS}


def test_who_falls_silent_is_alerted_with_their_own_numbers(replayed: Run) -> None:
    onset = "2025-06-30T00:00:00Z"
    mine = [a for a in replayed.decoded if a.customer_id == "c-000007" and a.updated_at > onset]
    assert mine
    opened = mine[0]
    assert opened.status == "opened"
    assert {"purchase_silence", "visit_silence"} & {reason.code for reason in opened.reasons}
    assert opened.usual.gap_days is not None
    assert opened.observed.silence_days is not None
    assert opened.observed.silence_days > opened.usual.gap_days


def test_alerts_come_by_time_and_sequences_grow_by_one(replayed: Run) -> None:
    last: dict[str, int] = {}
    moments = [alert.updated_at for alert in replayed.decoded]
    assert moments == sorted(moments)
    for alert in replayed.decoded:
        assert alert.sequence == last.get(alert.alert_id, 0) + 1
        last[alert.alert_id] = alert.sequence


def test_the_summary_counts_and_shows_who_why_usual_and_observed(
    events: Path, tmp_path: Path, replayed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    output = replay(events, tmp_path, "--show", "5").output
    assert f"{len(replayed.decoded):,} alerts" in output
    for word in ("customer", "why", "usual", "observed"):
        assert word in output


@pytest.mark.parametrize("partitions", [2, 7])
def test_however_customers_are_spread_the_same_are_alerted_at_the_same_times(
    events: Path, tmp_path: Path, partitions: int
) -> None:
    (tmp_path / "alone.toml").write_text(
        "[profile]\nhigh_value_from = 11\nlow_value_to = 0\nvip_from = 11\n"
    )
    config = ("--config", str(tmp_path / "alone.toml"))
    one = replay(events, tmp_path / "one", *config)
    spread = replay(events, tmp_path / "spread", *config, "--partitions", str(partitions))
    assert [_without_place(alert) for alert in one.decoded] == [
        _without_place(alert) for alert in spread.decoded
    ]


def _without_place(alert: Alert) -> Alert:
    """Without what says where the customer stands among those of their partition."""
    return msgspec.structs.replace(
        alert, segment="", best_segment=None, value_tenth=None, standing=""
    )


def test_spread_in_the_same_way_the_alerts_are_the_same_bytes(events: Path, tmp_path: Path) -> None:
    settings = tmp_path / "policy.toml"
    settings.write_text(
        "[policy]\nwin_back_medians = 0.3\ncooldown_days = 90\nalerts_per_day = 0.5\n"
        "[profile]\nvalue_customers = 20\n"
    )
    arguments = ("--config", str(settings), "--partitions", "3")
    runs = [
        replay(events, tmp_path / name, *arguments, *how)
        for name, how in (("sorted", ()), ("written", ("--as-written",)))
    ]
    assert runs[0].alerts == runs[1].alerts
    reasons = {alert.suppressed_reason for alert in runs[0].decoded}
    assert reasons == {None, "low_value", "cooldown", "budget"}


def test_rows_in_any_order_give_the_same_alerts(
    events: Path, tmp_path: Path, replayed: Run
) -> None:
    for name, lines in copied(events, tmp_path).items():
        random.Random(name).shuffle(lines)
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    assert replay(tmp_path, tmp_path / "out").alerts == replayed.alerts


def test_sorted_files_as_written_give_the_same_alerts(
    events: Path, tmp_path: Path, replayed: Run
) -> None:
    assert replay(events, tmp_path, "--as-written").alerts == replayed.alerts


def test_rows_out_of_order_as_written_are_late_and_still_decided(
    events: Path, tmp_path: Path, replayed: Run
) -> None:
    for name, lines in copied(events, tmp_path).items():
        middle = len(lines) // 2
        swapped = [*lines[: middle - 1], lines[middle], lines[middle - 1], *lines[middle + 1 :]]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(swapped))
    run = replay(tmp_path, tmp_path / "out", "--as-written")
    assert not run.dead_letters
    assert abs(len(run.decoded) - len(replayed.decoded)) <= 8


def test_csv_gives_the_same_alerts(events: Path, tmp_path: Path, replayed: Run) -> None:
    for name in INPUTS:
        frame = pl.read_ndjson(events / f"{name}.jsonl", infer_schema_length=None)
        frame.write_csv(tmp_path / f"{name}.csv")
    assert replay(tmp_path, tmp_path / "out").alerts == replayed.alerts


def test_parquet_with_real_timestamps_gives_the_same_alerts(
    events: Path, tmp_path: Path, replayed: Run
) -> None:
    for name in INPUTS:
        frame = pl.read_ndjson(events / f"{name}.jsonl", infer_schema_length=None)
        times = [pl.col(at).str.to_datetime("%+") for at in frame.columns if at.endswith("_time")]
        frame.with_columns(times).write_parquet(tmp_path / f"{name}.parquet")
    assert replay(tmp_path, tmp_path / "out").alerts == replayed.alerts


def test_one_file_that_names_its_inputs_gives_the_same_alerts(
    events: Path, tmp_path: Path, replayed: Run
) -> None:
    path = tmp_path / "everything.jsonl"
    with path.open("w") as file:
        for name, lines in copied(events, tmp_path).items():
            file.writelines(
                json.dumps({**json.loads(line), "input": name}) + "\n" for line in lines
            )
    assert replay(path, tmp_path / "out").alerts == replayed.alerts


def test_a_bad_row_is_reported_with_line_and_reason_and_costs_nothing_else(
    events: Path, tmp_path: Path, replayed: Run
) -> None:
    for name, lines in copied(events, tmp_path).items():
        bad = [
            "{not json",
            '{"event_id":"x","event_time":"2025-01-01T00:00:00Z"}',
            '{"event_id":"x","customer_id":"c-1","event_time":"01/02/2025"}',
        ]
        text = [lines[0], *bad, *lines[1:]] if name == "visits" else lines
        (tmp_path / f"{name}.jsonl").write_text("\n".join(text))
    run = replay(tmp_path, tmp_path / "out")
    assert run.exit_code == 0
    assert run.alerts == replayed.alerts
    assert [(letter["line"], letter["reason"]) for letter in run.dead_letters] == [
        (2, "malformed_json"),
        (3, "missing_field"),
        (4, "missing_field"),
    ]
    assert {letter["input"] for letter in run.dead_letters} == {"visits"}
    assert "visits.jsonl, line 2: malformed_json" in run.output
    assert run.dead_letters[0]["value"] == "{not json"


def test_a_bad_row_from_the_future_moves_no_time(
    events: Path, tmp_path: Path, replayed: Run
) -> None:
    for name, lines in copied(events, tmp_path).items():
        bad = '{"event_id":"x","customer_id":"c-1","event_time":"2999-01-01T00:00:00Z"}'
        (tmp_path / f"{name}.jsonl").write_text("\n".join([bad, *lines]))
    run = replay(tmp_path, tmp_path / "out")
    assert len(run.dead_letters) == 4
    assert run.alerts == replayed.alerts


def test_a_file_without_one_event_is_an_error_that_says_where_the_reasons_are(
    tmp_path: Path,
) -> None:
    path = tmp_path / "purchases.jsonl"
    path.write_text("nothing\n")
    run = replay(path, tmp_path / "out")
    assert run.exit_code == 65
    assert "dead-letters.jsonl" in run.output


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    assert replay(tmp_path, tmp_path / "out").exit_code == 65
    assert replay(tmp_path / "gone", tmp_path / "out").exit_code == 65


def test_an_input_that_was_out_is_said_in_a_line_with_when(
    events: Path, replayed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, end = "2025-05-01T00:00:00", "2025-05-15T00:00:00"
    gapped = tmp_path / "gapped"
    for name, lines in copied(events, gapped).items():
        kept = [
            line for line in lines
            if name != "visits" or not begin <= json.loads(line)["event_time"] < end
        ]  # fmt: skip
        assert name != "visits" or len(kept) < len(lines)
        (gapped / f"{name}.jsonl").write_text("\n".join(kept) + "\n")
    monkeypatch.setenv("OFFBEAT_GUARD_LEAST_DAILY", "10")
    run = replay(gapped, tmp_path / "out")
    assert run.exit_code == 0, run.output
    said = re.findall(r"(\w+) of partition 0 were out from (\S+) to (\S+): ", run.output)
    assert [(source, since[:10], until[:10]) for source, since, until in said] == [
        ("visits", "2025-04-30", "2025-05-15")
    ]
    assert "were out" not in replayed.output
