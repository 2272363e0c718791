"""`offbeat demo`: a real broker, a real worker, a year of real baskets."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schemas.alerts import decode

PROGRAM = [sys.executable, "-c", "from streams.cli import main; main()"]
EVENTS = 268_078


def offbeat(*arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "140", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def workers_below(folder: Path) -> list[int]:
    """Processes whose working directory is this test's own: what a demo could have left."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.mark.timeout(180)
def test_the_demo_commits_everything_and_its_alerts_can_be_read_and_explained(
    broker: str, tmp_path: Path
) -> None:
    demo = offbeat("demo", "--seconds", "10", "--broker", broker, folder=tmp_path)
    output, _ = demo.communicate(timeout=170)
    assert demo.returncode == 0, output
    figures = json.loads((tmp_path / "build/figures/demo.json").read_text())
    assert figures["events"] == EVENTS
    assert figures["dead_letters"] == 0
    alerts = [decode(line) for line in (tmp_path / "build/demo/alerts.jsonl").open("rb")]
    for status in ("opened", "updated", "resolved", "expired"):
        assert sum(a.status == status for a in alerts) == figures[f"alerts_{status}"] > 0
    sequences: dict[str, list[int]] = {}
    for alert in alerts:
        sequences.setdefault(alert.alert_id, []).append(alert.sequence)
    assert all(s == list(range(1, len(s) + 1)) for s in sequences.values())
    assert f"offbeat_events_total {EVENTS:,}" in output
    assert workers_below(tmp_path) == []

    match = re.search(r"alerts go to (demo-\d+)\.alerts", output)
    assert match
    environment = {"OFFBEAT_TOPICS_PREFIX": match[1]}
    explain = offbeat("explain", "974", "--broker", broker, folder=tmp_path, **environment)
    said, _ = explain.communicate(timeout=60)
    assert explain.returncode == 0, said
    assert "the last purchase was on 2017-10-06" in said
    explain = offbeat("explain", "nobody", "--broker", broker, folder=tmp_path, **environment)
    assert "nobody" in explain.communicate(timeout=60)[0]
    assert explain.returncode == 65


@pytest.mark.timeout(120)
def test_an_interrupted_demo_leaves_nothing_running(broker: str, tmp_path: Path) -> None:
    demo = offbeat("demo", "--broker", broker, folder=tmp_path)
    log = tmp_path / "build/demo/worker.log"
    while not log.exists():
        assert demo.poll() is None, demo.communicate()[0]
        time.sleep(0.1)
    time.sleep(2.0)
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "Stopped." in output
    assert workers_below(tmp_path) == []
