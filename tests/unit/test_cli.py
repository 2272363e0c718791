"""The command line as a whole; what each command does is tested beside it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from streams import cli
from streams.cli.progress import progress
from streams.errors import ConfigurationError, InputError
from streams.settings import Settings, config_hash


class Runner(CliRunner):
    """Commands as a user gives them."""

    def offbeat(self, *arguments: str) -> Result:
        return self.invoke(cli.app, arguments, prog_name="offbeat")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runner:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("OFFBEAT_"):
            monkeypatch.delenv(name)
    return Runner()


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(run: Runner, arguments: list[str]) -> None:
    output = run.offbeat(*arguments).output
    for name in cli.COMMANDS:
        assert f"\n  {name} " in output


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(run: Runner, name: str) -> None:
    result = run.offbeat(name, "--help")
    assert result.exit_code == 0, result.output
    assert f"Usage: offbeat {name}" in result.output


def test_help_imports_no_command_and_nothing_heavy() -> None:
    program = (
        "import sys, streams.cli as c\n"
        "try: c.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numba', 'numpy', 'faust', 'aiokafka', 'pydantic', 'rich.markdown', 'polars'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)\n"
        "print([m for m in sys.modules if m.startswith('streams.cli.')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True
    )
    assert "demo" in done.stdout
    assert done.stderr.splitlines() == ["[]", "[]"]


def test_the_version_is_the_packages(run: Runner) -> None:
    assert run.offbeat("--version").output.startswith("offbeat 0.")


def test_a_mistyped_command_is_an_error_that_says_what_is_near(run: Runner) -> None:
    result = run.offbeat("wroker")
    assert result.exit_code == 2
    assert "Did you mean 'worker'" in result.output


def test_a_deliberate_error_is_a_short_message_and_its_exit_code(run: Runner) -> None:
    result = run.offbeat("config", "check", "--config", "nowhere.toml")
    assert result.exit_code == ConfigurationError.exit_code
    assert result.stderr.startswith("error: nowhere.toml: there is no such file\n")
    assert "Accepted by --config" in result.stderr
    assert "Traceback" not in result.output


def test_debug_shows_where_a_deliberate_error_came_from(run: Runner) -> None:
    result = run.offbeat("--debug", "config", "check", "--config", "nowhere.toml")
    assert isinstance(result.exception, ConfigurationError)


def test_config_show_prints_a_file_that_sets_the_same_again(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFBEAT_WEB_PORT", "7000")
    monkeypatch.setenv("OFFBEAT_PROFILE_ALERT_COST_DAYS", "30")
    monkeypatch.setenv("OFFBEAT_CALENDAR_OPENING", '["mon-fri 09:00-17:00"]')
    output = run.offbeat("config", "show").output
    assert tomllib.loads(output)["web"] == {"host": "127.0.0.1", "port": 7000}
    assert tomllib.loads(output)["calendar"]["opening"] == ["mon-fri 09:00-17:00"]
    monkeypatch.delenv("OFFBEAT_WEB_PORT")
    monkeypatch.delenv("OFFBEAT_PROFILE_ALERT_COST_DAYS")
    monkeypatch.delenv("OFFBEAT_CALENDAR_OPENING")
    Path("offbeat.toml").write_text(output)
    again = run.offbeat("config", "show").output
    assert tomllib.loads(again) == tomllib.loads(output)


def test_config_show_says_where_each_value_came_from(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFBEAT_WEB_PORT", "7000")
    monkeypatch.setenv("OFFBEAT_PROFILE_HORIZON_DAYS", "30")
    Path("offbeat.toml").write_text("tenant = 'shop'\n[web]\nport = 1\n")
    lines = run.offbeat("config", "show").output.splitlines()

    def said(start: str) -> str:
        return next(line for line in lines if line.startswith(start))

    assert "# OFFBEAT_WEB_PORT" in said("port = 7000")
    assert "# offbeat.toml" in said('tenant = "shop"')
    assert "# default" in said('broker = "127.0.0.1:9092"')
    assert "# OFFBEAT_PROFILE_HORIZON_DAYS" in said("horizon_days = 30.0")
    assert "# default" in said("alert_cost_days")


def test_config_show_hides_secrets(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFBEAT_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("OFFBEAT_KAFKA_SASL_MECHANISM", "PLAIN")
    monkeypatch.setenv("OFFBEAT_KAFKA_SASL_USERNAME", "me")
    monkeypatch.setenv("OFFBEAT_KAFKA_SASL_PASSWORD", "hunter2")
    output = run.offbeat("config", "show").output
    assert "hunter2" not in output
    assert "# OFFBEAT_KAFKA_SASL_PASSWORD" in output


def test_config_check_prints_the_hash_that_alerts_carry(run: Runner) -> None:
    result = run.offbeat("config", "check")
    assert result.exit_code == 0
    assert config_hash(Settings()) in result.output


def test_schemas_are_written_with_the_topics_as_they_are_configured(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFBEAT_TOPICS_PREFIX", "shop")
    result = run.offbeat("schemas", "export", "contracts/json")
    assert result.exit_code == 0, result.output
    asyncapi = json.loads(Path("contracts/json/asyncapi.json").read_text())
    assert asyncapi["asyncapi"].startswith("3.")
    assert "shop.alerts" in Path("contracts/json/asyncapi.json").read_text()
    assert json.loads(Path("contracts/json/alert.schema.json").read_text())["$schema"]


def test_schemas_in_a_folder_that_cannot_be_made_are_a_short_message(run: Runner) -> None:
    Path("file").write_text("")
    result = run.offbeat("schemas", "export", "file/contracts")
    assert result.exit_code == InputError.exit_code
    assert "Give a folder that you may write to." in result.stderr


def test_progress_is_plain_lines_where_nobody_watches(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("Reading", total=3000) as advance:
        advance(1000)
        advance(2000)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Reading: 3,000 of 3,000 events, ")
    assert "\x1b" not in captured.err


def test_progress_is_a_bar_on_a_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("Reading", total=3000) as advance:
        advance(3000)
    assert "━" in capfd.readouterr().err
