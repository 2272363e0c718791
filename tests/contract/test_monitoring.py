"""Rules, dashboards and runbooks speak of metrics, labels, alerts and pages that there are.

What the rules answer is for promtool to say (`make sre`); here is what needs no Prometheus.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.dashboards.churn import MONTHS, WEEKDAYS
from deploy.dashboards.render import FOLDER, rendered
from detectors.census import Standing
from detectors.judgement.episodes import Status
from streams.calendar import DAYS
from streams.cli import COMMANDS, _load
from streams.ops.metrics import OUTCOMES, Metrics
from streams.partition.life import COLLAPSED, PLANNED
from tests.contract.promql import Known, Labels, selectors

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RUNBOOKS = ROOT / "docs" / "runbooks"
GROUPS: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())[
    "groups"
]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
TESTS: list[dict[str, Any]] = [
    test
    for path in sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
    for test in yaml.safe_load(path.read_text())["tests"]
]
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))
}
PANELS = [
    (f"{name}: {panel['title']}", panel)
    for name, board in DASHBOARDS.items()
    for panel in board["panels"]
    if panel["type"] != "row"
]
CATALOGUE = Metrics(CollectorRegistry()).catalogue
SCRAPED = frozenset({"job", "instance"})
WORDS = {
    "outcome": set(OUTCOMES),
    "status": {status.name.lower() for status in Status},
    "state": {standing.name.lower() for standing in Standing},
    "model": {"model", "static"},
    "clock": {"wall", "event"},
    "before": {"unseen"},
    "weekday": set(DAYS),
    "month": set(MONTHS),
    "job": {"offbeat"},
    "alertstate": {"firing"},
}


def _scraped() -> dict[str, Labels]:
    """Of everything that a worker serves and Prometheus adds."""
    process = ("start_time_seconds", "cpu_seconds_total", "resident_memory_bytes")
    found = {f"process_{name}": SCRAPED for name in process}
    found["up"] = SCRAPED
    found["ALERTS"] = frozenset({"alertname", "alertstate", "severity"})
    for entry in CATALOGUE:
        labels = SCRAPED | set(entry.labels)
        if entry.kind == "histogram":
            found |= {f"{entry.name}_sum": labels, f"{entry.name}_count": labels}
            found[f"{entry.name}_bucket"] = labels | {"le"}
        else:
            found[entry.name] = labels
    return found


@pytest.fixture(scope="module")
def known() -> Known:
    """What is scraped, and what is recorded of that, in the order of the file."""
    metrics = _scraped()
    for name, expr in RECORDED.items():
        labels = Known(metrics).labels(expr)
        assert labels is not None
        metrics[name] = labels
    return Known(metrics)


def test_there_is_one_rule_of_each_name() -> None:
    names = Counter(rule.get("alert") or rule["record"] for rule in RULES)
    assert names.total() > 50
    assert max(names.values()) == 1


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_what_exists_and_says_what_to_do(known: Known, name: str) -> None:
    rule = ALERTS[name]
    labels = known.labels(rule["expr"])
    assert labels is not None
    assert rule["labels"]["severity"] in {"warning", "error", "critical"}
    assert rule["annotations"].keys() == {"summary", "action", "runbook"}
    said = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert said <= labels


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_figure_keeps_deployments_apart(known: Known, name: str) -> None:
    assert re.fullmatch(r"offbeat:[a-z_]+:[a-z0-9_]+", name)
    labels = known.labels(name)
    assert labels is not None
    assert "job" in labels


@pytest.mark.parametrize(("title", "panel"), PANELS, ids=[title for title, _ in PANELS])
def test_a_panel_asks_for_what_exists(known: Known, title: str, panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["targets"]
    for target in panel["targets"]:
        labels = known.labels(target["expr"])
        assert labels is not None
        assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= labels, title


def test_words_that_are_asked_for_are_said() -> None:
    boundaries = {e.name: {f"{float(b)}" for b in e.buckets} for e in CATALOGUE if e.buckets}
    asked = [rule["expr"] for rule in RULES]
    asked += [target["expr"] for _, panel in PANELS for target in panel["targets"]]
    for expr in asked:
        for metric, label, value in selectors(expr):
            if label == "le":
                assert value in boundaries[metric.removesuffix("_bucket")]
            elif label == "reason":
                assert value in {COLLAPSED, PLANNED}
            else:
                assert value in WORDS[label], f"{metric}{{{label}={value!r}}}"


def test_every_metric_is_on_a_dashboard_or_in_a_rule() -> None:
    text = " ".join(rule["expr"] for rule in RULES) + json.dumps(DASHBOARDS)
    names = set(re.findall(r"\boffbeat_[a-z_]+", text))
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert {entry.name for entry in CATALOGUE} - shown == set()


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in RUNBOOKS.glob("*.md")}
    index = (RUNBOOKS / "README.md").relative_to(ROOT).as_posix()
    named = {rule["annotations"]["runbook"] for rule in ALERTS.values()}
    assert len(named) == len(ALERTS)
    assert pages - {index} == named


@pytest.mark.parametrize("name", ALERTS)
def test_a_page_says_what_it_means_what_to_look_at_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    page = ROOT / rule["annotations"]["runbook"]
    text = page.read_text()
    assert text.startswith(f"# {name}\n")
    headings = ["## What it means", "## What to look at", "## What to do"]
    assert re.findall(r"^## .*", text, re.MULTILINE) == headings
    line = rf"^\| \[{name}\]\({page.name}\) \| {rule['labels']['severity']} \| .+ \|$"
    assert re.search(line, (RUNBOOKS / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_every_command_and_link_in_a_runbook_exists(page: Path) -> None:
    text = page.read_text()
    for command, sub in re.findall(r"`offbeat ([a-z]+)(?: ([a-z]+))?", text):
        assert command in COMMANDS
        if sub:
            assert sub in _load(command).commands
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    cases = [
        case
        for test in TESTS
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == name
    ]
    assert any(case["exp_alerts"] for case in cases)
    assert any(not case["exp_alerts"] for case in cases)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_figure_has_a_test(name: str) -> None:
    asked = [case["expr"] for test in TESTS for case in test.get("promql_expr_test", [])]
    assert any(re.search(rf"(?<![\w:]){name}(?![\w:])", expr) for expr in asked)


def test_the_dashboards_are_those_that_are_written_as_code() -> None:
    assert DASHBOARDS.keys() == rendered().keys()
    for name, text in rendered().items():
        assert (FOLDER / name).read_text() == text, "run `make dashboards`"


def test_dashboards_use_the_source_that_is_provisioned() -> None:
    sources = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )
    (source,) = sources["datasources"]
    for _, panel in PANELS:
        used = {"type": source["type"], "uid": source["uid"]}
        assert panel["datasource"] == used
        assert all(target["datasource"] == used for target in panel["targets"])


def test_seasons_are_shown_for_all_days_and_months_that_there_are() -> None:
    assert WEEKDAYS == DAYS
    assert len(MONTHS) == 12


def test_alertmanager_speaks_of_alerts_that_exist() -> None:
    config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    named = set(re.findall(r"\bOffbeat\w+", str(config)))
    assert named
    assert named <= ALERTS.keys()
    receivers = {receiver["name"] for receiver in config["receivers"]}
    routes = [config["route"], *config["route"].get("routes", [])]
    assert {route["receiver"] for route in routes if "receiver" in route} == receivers


def test_an_input_that_collapsed_calls_an_operator_and_planned_maintenance_does_not() -> None:
    ((metric, label, reason),) = selectors(ALERTS["OffbeatSourceOutage"]["expr"])
    assert (metric, label, reason) == ("offbeat_source_outage", "reason", COLLAPSED)
