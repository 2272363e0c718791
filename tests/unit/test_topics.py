"""What is said about topics that are not as their specs say."""

from __future__ import annotations

import dataclasses
from typing import Any

from schemas.topics import TopicSpec, topic_specs
from streams.kafka.findings import Described, Finding, compare

SPECS = topic_specs()


def _as_specified(spec: TopicSpec, inputs: int = 4) -> Described:
    partitions = inputs if isinstance(spec.partitions, str) else spec.partitions
    return Described(partitions, replication=1, leaderless=0, config=spec.configs)


def _found(**changes: Any) -> dict[str, Described]:
    """All topics as specified, but those named (dots and dashes as underscores) changed."""
    found = {}
    for spec in SPECS:
        change = changes.get(spec.name.replace(".", "_").replace("-", "_"), {})
        if change is None:
            continue
        config = {**spec.configs, **change.pop("config", {})}
        found[spec.name] = dataclasses.replace(_as_specified(spec), config=config, **change)
    return found


def _findings(
    found: dict[str, Described], replication: int = -1, brokers: int = 1
) -> list[Finding]:
    return compare(SPECS, found, replication=replication, brokers=brokers)


def test_topics_made_by_their_specs_leave_nothing_to_say() -> None:
    assert _findings(_found()) == []


def test_a_missing_topic_is_an_error_with_the_command_that_makes_it() -> None:
    (finding,) = _findings(_found(offbeat_alerts=None))
    assert (finding.topic, finding.severity) == ("offbeat.alerts", "error")
    assert "offbeat topics create" in finding.remedy


def test_a_budget_must_be_divided_over_the_partitions_that_there_are() -> None:
    found = _found()
    assert compare(SPECS, found, replication=-1, brokers=1, budget_shares=4) == []
    findings = compare(SPECS, found, replication=-1, brokers=1, budget_shares=8)
    assert [finding.topic for finding in findings] == ["purchases", "visits", "payments", "support"]
    assert "policy.alerts_per_day is divided over 8" in str(findings[0])
    assert findings[0].remedy == "Set topics.partitions to 4."


def test_an_input_with_other_partitions_than_most_is_the_one_to_mend() -> None:
    (finding,) = _findings(_found(visits={"partitions": 3}))
    assert (finding.topic, finding.severity) == ("visits", "error")
    assert "3 partitions instead of 4" in finding.what


def test_a_changelog_with_other_partitions_than_the_inputs_is_an_error() -> None:
    (finding,) = _findings(_found(offbeat_state_changelog={"partitions": 8}))
    assert finding.severity == "error"
    assert "replay" in finding.remedy


def test_examples_in_two_partitions_are_an_error() -> None:
    (finding,) = _findings(_found(offbeat_examples={"partitions": 2}))
    assert "2 partitions instead of 1" in finding.what


def test_a_changelog_that_also_deletes_is_an_error_with_the_way_to_mend_it() -> None:
    (finding,) = _findings(
        _found(offbeat_state_changelog={"config": {"cleanup.policy": "compact,delete"}})
    )
    assert finding.severity == "error"
    assert "--add-config cleanup.policy=compact" in finding.remedy


def test_compacted_inputs_and_alerts_are_errors() -> None:
    compacted = {"config": {"cleanup.policy": "compact"}}
    findings = _findings(_found(purchases=compacted, offbeat_alerts=dict(compacted)))
    assert [(x.topic, x.severity) for x in findings] == [
        ("purchases", "error"),
        ("offbeat.alerts", "error"),
    ]


def test_alerts_that_are_not_compacted_keep_who_was_erased_and_a_worker_starts_all_the_same() -> (
    None
):
    (finding,) = _findings(_found(offbeat_alerts={"config": {"cleanup.policy": "delete"}}))
    assert finding.severity == "warning"
    assert "erased" in finding.what
    assert "--add-config cleanup.policy=[compact,delete]" in finding.remedy
    turned = {"config": {"cleanup.policy": "delete,compact"}}
    assert _findings(_found(offbeat_alerts=turned)) == []


def test_a_missing_customers_topic_is_an_error_once_it_is_set_and_nothing_before() -> None:
    specs = topic_specs(customers="customers")
    findings = compare(specs, _found(), replication=-1, brokers=1)
    assert [(x.topic, x.severity) for x in findings] == [
        ("customers", "error"),
        ("customers.dlq", "error"),
    ]


def test_the_customers_topic_has_as_many_partitions_as_the_inputs() -> None:
    specs = topic_specs(customers="customers")
    found = _found() | {spec.name: _as_specified(spec, 4) for spec in specs[4:]}
    found["customers"] = _as_specified(specs[4], 3)
    (finding,) = compare(specs, found, replication=-1, brokers=1)
    assert (finding.topic, finding.severity) == ("customers", "error")
    assert "3 partitions instead of 4" in finding.what


def test_shorter_retention_of_our_topic_is_a_warning_and_of_theirs_their_own_affair() -> None:
    short = {"config": {"retention.ms": "1000"}}
    (finding,) = _findings(_found(offbeat_alerts=dict(short), visits=dict(short)))
    assert (finding.topic, finding.severity) == ("offbeat.alerts", "warning")


def test_fewer_copies_than_are_set_are_an_error() -> None:
    findings = _findings(_found(), replication=3, brokers=3)
    assert {x.severity for x in findings} == {"error"}
    assert len(findings) == len(SPECS)


def test_a_single_copy_is_a_warning_only_where_more_are_possible() -> None:
    assert _findings(_found(), brokers=1) == []
    assert {x.severity for x in _findings(_found(), brokers=3)} == {"warning"}


def test_more_copies_in_sync_than_there_are_is_an_error() -> None:
    (finding,) = _findings(_found(offbeat_model={"config": {"min.insync.replicas": "2"}}))
    assert "nothing can be written" in finding.what


def test_partitions_without_a_leader_are_an_error() -> None:
    (finding,) = _findings(_found(support={"leaderless": 1}))
    assert "1 partition without a leader" in finding.what


def test_errors_come_before_warnings_and_every_finding_says_how_to_mend_it() -> None:
    findings = _findings(
        _found(purchases={"partitions": 2}, offbeat_alerts={"config": {"retention.ms": "1"}})
    )
    assert [x.severity for x in findings] == ["error", "warning"]
    assert all(x.remedy.endswith(".") and x.remedy for x in findings)
