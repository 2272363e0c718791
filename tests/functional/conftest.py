"""What tests of commands share: an empty folder, and shops that take long to make."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from streams.cli import app
from tests.functional.tuning import Run, simulated


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    return simulated(folder, "--customers", "150", "--days", "400", "--drifting", "0.4")


@pytest.fixture(scope="session")
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
