"""A profile wherever one is used: by flag, by variable, and a wrong one."""

from pathlib import Path

import pytest

from tests.functional.tuning import Run, done, refused


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
