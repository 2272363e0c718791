"""A history that is read once decides as a replay does; two profiles are told apart by alert."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from detectors.engine import Decisions
from detectors.judgement.episodes import DECISION, Status
from detectors.observations import Input, PurchaseKind
from detectors.profile import Profile
from schemas.instants import rfc3339
from streams.backtest.compare import alerts_of, described, differences
from streams.backtest.history import History, read_history
from streams.cli import app
from streams.errors import InputError
from streams.replay import Replay
from streams.settings import Settings
from streams.sources.files import by_input

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 2026-01-01


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("history")
    arguments = ["--customers", "60", "--days", "200", "--out", str(folder)]
    result = CliRunner().invoke(app, ["simulate", *arguments])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def history(folder: Path) -> History:
    return read_history(folder)


def purchase(customer: str, day: float, kind: str = "order") -> str:
    event = {"event_id": f"{customer}-{day}", "customer_id": customer, "amount": 20.0}
    time = START_MS + int(day * DAY_MS)
    return json.dumps({**event, "currency": "EUR", "kind": kind, "event_time": time})


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_a_run_over_a_history_decides_what_a_replay_decides(folder: Path, history: History) -> None:
    replayed = []
    for step in Replay(Settings()).run(by_input(folder, [])):
        for state, made in step.decisions:
            for record in made.records:
                name = state.customer_id(int(record["row"])).decode()
                replayed.append((name, float(record["time"]), int(record["status"])))
    records = history.decide(Profile()).records
    decided = [
        (history.name(int(record["row"])), float(record["time"]), int(record["status"]))
        for record in records
    ]
    assert len(decided) > 50
    assert sorted(decided) == sorted(replayed)


def test_a_run_that_ends_earlier_knows_nothing_of_what_came_later(history: History) -> None:
    half = 0.5 * (history.first + history.last)
    early = history.decide(Profile(), half).records
    whole = history.decide(Profile()).records
    assert 0 < len(early) < len(whole)
    same = whole[whole["time"] + Profile().allowed_lateness_seconds < half]
    assert early[["row", "time", "status"]].tolist() == same[["row", "time", "status"]].tolist()


def test_runs_over_one_history_do_not_touch_each_other(history: History) -> None:
    once = history.decide(Profile()).records
    history.decide(replace(Profile(), alert_cost_days=1.0))
    again = history.decide(Profile()).records
    for name in DECISION.names or ():  # between the fields lie bytes that mean nothing
        assert again[name].tobytes() == once[name].tobytes(), name


def test_purchases_of_one_occasion_are_one_and_refunds_are_none(tmp_path: Path) -> None:
    path = written(
        tmp_path / "purchases.jsonl",
        purchase("b", 1.25), purchase("a", 0.5), purchase("b", 1.5), purchase("b", 3.0),
        purchase("b", 4.0, "refund"), purchase("a", 9.5),
    )  # fmt: skip
    history = read_history(path)
    names = [history.name(customer) for customer in range(2)]
    histories = history.purchases(Profile())
    found = [names[customer] for customer in histories.customer.tolist()]
    pairs = sorted(zip(found, histories.day.tolist(), strict=True))
    assert pairs == [("a", 0.5), ("a", 9.5), ("b", 1.25), ("b", 3.0)]
    assert (histories.end, histories.epoch) == (9.5, START_MS / 1000)


def test_a_refund_is_no_sign_of_life(tmp_path: Path) -> None:
    path = written(
        tmp_path / "purchases.jsonl", purchase("a", 1), purchase("a", 2), purchase("a", 7, "refund")
    )
    assert read_history(path).signs().time.size == 2


def test_visits_are_signs_of_life_where_there_is_no_rhythm_of_purchases(history: History) -> None:
    seen = history.observations
    bought = (seen["input"] == Input.PURCHASES) & (seen["kind"] != PurchaseKind.REFUND)
    counts = np.bincount(seen["row"][bought], minlength=history.customers)
    signs = np.bincount(history.signs().customer, minlength=history.customers)
    assert (signs[counts >= 2] == counts[counts >= 2]).all()
    assert signs[counts < 2].sum() >= counts[counts < 2].sum()


def test_signs_of_life_until_a_moment_do_not_depend_on_what_follows(tmp_path: Path) -> None:
    visits = [
        json.dumps({"event_id": f"v{day}", "customer_id": "a", "kind": "session",
                    "event_time": START_MS + day * DAY_MS})
        for day in (1, 3)
    ]  # fmt: skip
    written(tmp_path / "visits.jsonl", *visits)
    written(tmp_path / "purchases.jsonl", *(purchase("a", day) for day in (2, 10)))
    history = read_history(tmp_path)
    early = START_MS / 1000 + 5 * DAY_MS / 1000
    assert history.signs(early).time.size == 3
    assert history.signs().time.size == 2


def test_a_history_without_an_event_is_an_error_that_counts_the_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no event"):
        read_history(written(tmp_path / "purchases.jsonl"))
    with pytest.raises(InputError, match="2 rows are none"):
        read_history(written(tmp_path / "purchases.jsonl", "{", "{}"))


def test_a_history_without_a_purchase_has_no_gaps_to_learn_from(tmp_path: Path) -> None:
    visit = {"event_id": "v", "customer_id": "a", "event_time": START_MS, "kind": "session"}
    history = read_history(written(tmp_path / "visits.jsonl", json.dumps(visit)))
    with pytest.raises(InputError, match="holds no purchase"):
        history.purchases(Profile())


def test_a_profile_gains_and_loses_nothing_against_itself(history: History) -> None:
    alerts = alerts_of(history.decide(Profile()))
    differ = differences(alerts, alerts)
    assert alerts.opened.size > 10
    assert not differ.lost.any()
    assert not differ.gained.any()


def test_what_is_gained_and_lost_is_described_as_it_was_said(history: History) -> None:
    cheap, dear = (replace(Profile(), alert_cost_days=cost) for cost in (3.0, 40.0))
    before, after = alerts_of(history.decide(dear)), alerts_of(history.decide(cheap))
    differ = differences(before, after)
    assert differ.gained.sum() > differ.lost.sum()
    rows = described(history, after, differ.gained, cheap)
    assert len(rows) == differ.gained.sum()
    assert [row["opened_at"] for row in rows] == sorted(row["opened_at"] for row in rows)
    assert all(row["reason"] for row in rows)
    times = after.decisions.records["time"][after.opened[differ.gained]]
    assert sorted(rfc3339(time) for time in times.tolist()) == [row["opened_at"] for row in rows]


def test_an_alert_has_its_last_status_and_is_one_however_often_it_opens() -> None:
    records = np.zeros(6, DECISION)
    records["row"] = [0, 0, 0, 0, 1, 2]
    records["anchor"] = [5.0, 5.0, 5.0, 9.0, 5.0, 5.0]
    records["status"] = [
        Status.OPENED, Status.RESOLVED, Status.OPENED, Status.OPENED, Status.SUPPRESSED,
        Status.OPENED,
    ]  # fmt: skip
    alerts = alerts_of(Decisions(records, records, records))
    assert alerts.keys.tolist() == [(0, 5.0), (0, 9.0), (2, 5.0)]
    assert alerts.opened.tolist() == [0, 3, 5]
    assert alerts.last.tolist() == [2, 3, 5]


def test_a_history_without_a_decision_has_no_alert() -> None:
    none = np.zeros(0, DECISION)
    assert alerts_of(Decisions(none, none, none)).opened.size == 0
