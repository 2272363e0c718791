"""Commands that are tried on simulated shops, and what they say and leave behind."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner, Result

from streams.cli import app

Run = Callable[..., Result]

DAY_MS = 86_400_000
START_MS = 1_735_689_600_000  # 2025-01-01


def simulated(folder: Path, *arguments: str) -> Path:
    result = CliRunner().invoke(app, ["simulate", *arguments, "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


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
