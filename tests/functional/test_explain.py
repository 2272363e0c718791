"""`offbeat explain`, over files; over a worker's state see test_demo.py."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from detectors.customer import WEEKS
from streams.cli import app

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 2026-01-01


def explain(customer: str, path: Path) -> Result:
    return CliRunner().invoke(app, ["explain", customer, "--from", str(path)])


def purchase(customer: str, day: float) -> str:
    event = {"event_id": f"{customer}-{day}", "customer_id": customer, "amount": 20.0}
    return json.dumps({**event, "currency": "EUR", "event_time": START_MS + int(day * DAY_MS)})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "purchases.jsonl"
    lines = [purchase("regular", day) for day in range(0, 196, 7)]
    lines += [purchase("gone", day) for day in range(0, 98, 7)]
    path.write_text("\n".join([*lines, purchase("new", 194)]))
    return path


def test_a_regular_customer_is_explained_by_their_own_week(shop: Path) -> None:
    output = explain("regular", shop).output
    assert "not at risk" in output
    assert "every 7" in output
    assert "5.0 days; the last purchase was on 2026-07-09" in output
    assert f"{'█' * WEEKS}  {WEEKS} in {WEEKS} weeks" in output
    assert f"0 in {WEEKS} weeks" in output


def test_a_customer_who_stopped_is_at_risk_with_reasons_that_add_up(shop: Path) -> None:
    output = explain("gone", shop).output
    assert "at risk" in output
    assert "purchase_silence" in output
    assert "103.0 days; the last purchase was on 2026-04-02" in output
    assert "No purchase for 103 days" in output


def test_a_newcomer_is_explained_as_customers_are(shop: Path) -> None:
    output = explain("new", shop).output
    assert "not at risk" in output
    assert "as customers do" in output
    assert "in 1 days" not in output


def test_a_customer_of_whom_there_is_no_event_is_an_error(shop: Path) -> None:
    result = explain("nobody", shop)
    assert result.exit_code == 65
    assert "nobody" in result.output
