"""What needs no server: are the files well formed, and does each rule do what its tests say?"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.sre.tools import Tools, run

DEPLOY = Path("deploy")
PROMETHEUS = DEPLOY / "prometheus" / "prometheus.yml"
RULES = DEPLOY / "prometheus" / "rules.yml"
TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
DASHBOARDS = DEPLOY / "grafana" / "dashboards"
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"


class Check(NamedTuple):
    """A file, by which tool, whether it is fine, and what was said if not."""

    what: str
    fine: bool
    said: str


def everything(tools: Tools) -> list[Check]:
    """promtool and amtool over all that is deployed."""
    found = [
        Check(
            f"promtool check config {PROMETHEUS}",
            *run(tools.promtool, "check", "config", PROMETHEUS),
        ),
        Check(f"promtool check rules {RULES}", *run(tools.promtool, "check", "rules", RULES)),
        Check(
            f"amtool check-config {ALERTMANAGER}", *run(tools.amtool, "check-config", ALERTMANAGER)
        ),
    ]
    return found + [
        Check(f"promtool test rules {path}", *run(tools.promtool, "test", "rules", path))
        for path in TESTS
    ]


def rules() -> list[dict[str, Any]]:
    """Every rule that is deployed, as it is written."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[tuple[str, list[str]]]:
    """Every panel of every dashboard: its title, and what it asks of Prometheus."""
    return [
        (f"{path.stem}: {panel['title']}", [target["expr"] for target in panel["targets"]])
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        if panel["type"] != "row"
    ]


def tested() -> set[str]:
    """Alerts that fire in one test and are quiet in another; recorded figures with a value."""
    fires: set[str] = set()
    quiet: set[str] = set()
    asked: set[str] = set()
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case["exp_alerts"] else quiet).add(case["alertname"])
            for case in test.get("promql_expr_test", []):
                asked |= set(re.findall(r"offbeat:[a-z0-9_:]+", case["expr"]))
    return (fires & quiet) | asked
