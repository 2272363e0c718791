"""What is wrong with the topics, as values: what they are compared with what their specs say.

An error could lose or mix up events, or lets a checkpoint fail; a worker does not start over it. A
warning is about what happens later: history gone sooner than meant, one broken disk from a loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.topics import PARTITIONED_LIKE_INPUTS, TopicSpec

# Fewer brokers cannot hold the three copies with which one may fail and a second one too.
_BROKERS_FOR_SAFETY = 3


@dataclass(frozen=True, slots=True)
class Described:
    """A topic as the broker has it; `replication` of the partition with the fewest copies."""

    partitions: int
    replication: int
    leaderless: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, and how to mend it."""

    topic: str
    severity: Literal["error", "warning"]
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what}. {self.remedy}"


def compare(
    specs: Sequence[TopicSpec],
    found: Mapping[str, Described],
    *,
    replication: int,
    brokers: int,
    budget_shares: int | None = None,
) -> list[Finding]:
    """Everything that differs, errors first.

    `replication` is the setting: copies wanted, -1 for "whatever the broker does". `brokers` is how
    many there are. `budget_shares`: over how many partitions a budget of alerts is divided, if
    there is one.
    """
    findings: list[Finding] = []
    count = input_partitions(specs, found)
    for spec in specs:
        topic = found.get(spec.name)
        if topic is None:
            findings.append(_missing(spec))
            continue
        findings += _partitions(spec, topic, count)
        findings += _cleanup(spec, topic)
        findings += _copies(spec, topic, replication, brokers)
        findings += _other_settings(spec, topic)
        if spec.role == "input" and budget_shares not in (None, topic.partitions):
            findings.append(_other_shares(spec, topic, budget_shares))
    return sorted(findings, key=lambda finding: finding.severity)  # "error" < "warning"


def input_partitions(specs: Sequence[TopicSpec], found: Mapping[str, Described]) -> int | None:
    """How many partitions the inputs have; when they differ, what most have (then the greatest)."""
    counts = Counter(
        found[spec.name].partitions for spec in specs if spec.role == "input" and spec.name in found
    )
    return max(counts, key=lambda count: (counts[count], count)) if counts else None


def _other_shares(spec: TopicSpec, topic: Described, shares: int | None) -> Finding:
    return Finding(
        spec.name,
        "error",
        f"{_partition_count(topic.partitions)}, but policy.alerts_per_day is divided over {shares}",
        f"Set topics.partitions to {topic.partitions}.",
    )


def _missing(spec: TopicSpec) -> Finding:
    remedy = "Run `offbeat topics create`."
    if spec.owner == "producers":
        remedy = "Run `offbeat topics create`, or name the topic that you have: OFFBEAT_TOPICS_…."
    return Finding(spec.name, "error", "missing", remedy)


def _partitions(spec: TopicSpec, topic: Described, count: int | None) -> Iterator[Finding]:
    wanted = count if spec.partitions == PARTITIONED_LIKE_INPUTS else spec.partitions
    if wanted is not None and topic.partitions != wanted:
        why = (
            "a customer's events must meet in one partition"
            if spec.partitions == PARTITIONED_LIKE_INPUTS
            else "one reader must see it in one order"
        )
        yield Finding(
            spec.name,
            "error",
            f"{_partition_count(topic.partitions)} instead of {wanted}: {why}",
            _repartition(spec, wanted),
        )
    if topic.leaderless:
        yield Finding(
            spec.name,
            "error",
            f"{_partition_count(topic.leaderless)} without a leader",
            "Bring the brokers back that hold them.",
        )


def _repartition(spec: TopicSpec, wanted: int) -> str:
    if spec.owner == "producers":
        return (
            f"Make it anew with {wanted} partitions and send its events again (adding partitions "
            "moves customers away from their past), or make all inputs like it."
        )
    if spec.role == "state-changelog":
        return "Delete it, run `offbeat topics create`, and replay the inputs under a new group."
    return "Delete it, and run `offbeat topics create`; keep a copy if its records matter."


def _cleanup(spec: TopicSpec, topic: Described) -> Iterator[Finding]:
    policy = topic.config.get("cleanup.policy", spec.cleanup)
    if set(policy.split(",")) == set(spec.cleanup.split(",")):
        return
    what = f"cleanup.policy is {policy} instead of {spec.cleanup}"
    severity, loss = _loss(spec, policy)
    # kafka-configs.sh takes a list in brackets
    wanted = f"[{spec.cleanup}]" if "," in spec.cleanup else spec.cleanup
    yield Finding(
        spec.name, severity, f"{what}: {loss}", _alter(spec.name, "cleanup.policy", wanted)
    )


def _loss(spec: TopicSpec, policy: str) -> tuple[Literal["error", "warning"], str]:
    """What another cleanup policy would do, and whether a worker may start over it."""
    if spec.role in ("alerts", "feedback") and policy == "delete":
        return "warning", "what is about an erased customer stays until retention takes it"
    if spec.role == "customers":
        return "warning", "who is to be erased must be there until a worker has read it"
    if spec.cleanup == "compact":
        return "error", "it would forget customers who have been quiet, the very ones that matter"
    return "error", "it would forget all but the last record of a customer"


def _copies(spec: TopicSpec, topic: Described, replication: int, brokers: int) -> Iterator[Finding]:
    in_sync = int(topic.config.get("min.insync.replicas", "1"))
    if in_sync > topic.replication:
        yield Finding(
            spec.name,
            "error",
            f"min.insync.replicas is {in_sync}, but there are {_copy_count(topic.replication)}: "
            "nothing can be written",
            _alter(spec.name, "min.insync.replicas", str(topic.replication)),
        )
    if 0 < topic.replication < replication:
        yield Finding(
            spec.name,
            "error",
            f"{_copy_count(topic.replication)} instead of {replication} (topics.replication)",
            "Add copies with kafka-reassign-partitions.sh, or set OFFBEAT_TOPICS_REPLICATION.",
        )
    elif topic.replication == 1 and brokers >= _BROKERS_FOR_SAFETY:
        yield Finding(
            spec.name,
            "warning",
            f"one copy on {brokers} brokers: one broken disk loses it",
            "Add copies with kafka-reassign-partitions.sh.",
        )


def _other_settings(spec: TopicSpec, topic: Described) -> Iterator[Finding]:
    if spec.owner == "producers":
        return  # theirs to decide
    for key, wanted in spec.configs.items():
        actual = topic.config.get(key, wanted)
        if key != "cleanup.policy" and actual != wanted:
            yield Finding(
                spec.name,
                "warning",
                f"{key} is {actual} instead of {wanted}",
                _alter(spec.name, key, wanted),
            )


def _alter(topic: str, key: str, value: str) -> str:
    return (
        f"Run kafka-configs.sh --alter --entity-type topics --entity-name {topic} "
        f"--add-config {key}={value}."
    )


def _partition_count(count: int) -> str:
    return f"{count} partition{'' if count == 1 else 's'}"


def _copy_count(count: int) -> str:
    return f"{count} cop{'y' if count == 1 else 'ies'}"
