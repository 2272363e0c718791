"""Every topic: its name, who owns it, and how it must be set up.

`topics create` makes them like this and `topics check` compares. What a spec does not name is the
broker's own default; `max.message.bytes` above all, so that no topic needs a broker changed for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from schemas.events import EVENTS

DAY_MS = 24 * 60 * 60 * 1000
HOUR_MS = 60 * 60 * 1000

PARTITIONED_LIKE_INPUTS: Literal["inputs"] = "inputs"
Owner = Literal["producers", "offbeat"]
Role = Literal[
    "input",
    "customers",
    "dead letters",
    "alerts",
    "at-risk",
    "feedback",
    "examples",
    "model",
    "state-changelog",
]


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic.

    owner: "producers" write it and may have made it their own way, or offbeat does both.
    partitions: a number, or "inputs" for as many as the inputs, which all have the same.
    retention_ms: None where compaction keeps the newest record of each key for ever. config:
    further settings of the topic that offbeat relies on.
    """

    name: str
    role: Role
    owner: Owner
    partitions: Literal["inputs"] | int
    cleanup: Literal["delete", "compact", "compact,delete"]
    retention_ms: int | None
    config: dict[str, str] = field(default_factory=dict)

    @property
    def configs(self) -> dict[str, str]:
        """All settings by Kafka's names for them."""
        retention = {} if self.retention_ms is None else {"retention.ms": str(self.retention_ms)}
        return {"cleanup.policy": self.cleanup, **retention, **self.config}


@dataclass(frozen=True, slots=True)
class OutputTopics:
    """Names of what offbeat writes, after its prefix.

    >>> OutputTopics("offbeat").at_risk
    'offbeat.at-risk'
    """

    prefix: str = "offbeat"

    @property
    def alerts(self) -> str:
        """Append-only, key customer: what was decided; a tombstone for who was erased."""
        return f"{self.prefix}.alerts"

    @property
    def at_risk(self) -> str:
        """Compacted, key customer: the open alert, or a tombstone."""
        return f"{self.prefix}.at-risk"

    @property
    def feedback(self) -> str:
        """Key customer: what people say about alerts; a tombstone for who was erased."""
        return f"{self.prefix}.feedback"

    @property
    def examples(self) -> str:
        """Features and delayed outcomes for the trainer."""
        return f"{self.prefix}.examples"

    @property
    def model(self) -> str:
        """Compacted: versions of the online model."""
        return f"{self.prefix}.model"

    @property
    def state_changelog(self) -> str:
        """Compacted, key customer: the state that a partition is recovered from."""
        return f"{self.prefix}.state-changelog"


def dead_letter_topic(source: str) -> str:
    """Where refused records of the input topic `source` go."""
    return f"{source}.dlq"


def topic_specs(
    prefix: str = "offbeat",
    inputs: Sequence[str] = tuple(EVENTS),
    customers: str | None = None,
) -> tuple[TopicSpec, ...]:
    """All specs; `inputs` are the names of the input topics in the order of the inputs' codes.

    `customers` is the name of the customers' topic, if there is one.
    """
    outputs = OutputTopics(prefix)
    reference = [customers] if customers else []
    return (
        # a month to replay from: two of the shortest cadences that are worth an alert
        *(_kept(name, "input", "producers", 30 * DAY_MS) for name in inputs),
        *(
            TopicSpec(name, "customers", "producers", PARTITIONED_LIKE_INPUTS, "compact", None)
            for name in reference
        ),
        # two weeks, a sprint, to find a producer's mistake and send its records again
        *(
            _kept(name, "dead letters", "offbeat", 14 * DAY_MS, config=_DEAD_LETTERS)
            for name in map(dead_letter_topic, (*inputs, *reference))
        ),
        # a quarter: the horizon of an alert is mostly 30 to 90 days, so its end is still beside its
        # beginning
        TopicSpec(
            outputs.alerts,
            "alerts",
            "offbeat",
            PARTITIONED_LIKE_INPUTS,
            "compact,delete",
            90 * DAY_MS,
            _ALERTS,
        ),
        # a reader that was away for a week still sees who is no longer at risk
        _compacted(
            outputs.at_risk,
            "at-risk",
            "inputs",
            {"delete.retention.ms": str(7 * DAY_MS), **_WITHIN_A_WEEK},
        ),
        # a year: what came of last year's offers is still there when this year's are compared
        TopicSpec(
            outputs.feedback,
            "feedback",
            "offbeat",
            PARTITIONED_LIKE_INPUTS,
            "compact,delete",
            365 * DAY_MS,
            _ALERTS,
        ),
        # a year: enough to train a model anew over every season
        _kept(outputs.examples, "examples", "offbeat", 365 * DAY_MS, partitions=1),
        _compacted(outputs.model, "model", 1, {}),
        _compacted(outputs.state_changelog, "state-changelog", "inputs", _CHANGELOG),
    )


# What is erased leaves the disk as whole segments, of those that were begun an hour before.
_DEAD_LETTERS = {"segment.ms": str(HOUR_MS)}

# What is superseded or erased is gone within a week of it, however little is written. The
# tombstone itself, which has the id for its key, goes after `delete.retention.ms` more.
_WITHIN_A_WEEK = {"max.compaction.lag.ms": str(7 * DAY_MS)}

# Every alert is there for a week, for readers that were away. Behind that the newest of each
# customer stays to the end of the quarter, and of an erased one nothing: their tombstone is the
# newest. A fortnight bounds it, and a second one the tombstone itself: within a month all is gone.
_ALERTS = {
    "min.compaction.lag.ms": str(7 * DAY_MS),
    "max.compaction.lag.ms": str(14 * DAY_MS),
    "delete.retention.ms": str(DAY_MS),
    "segment.ms": str(DAY_MS),
}

# Recovery reads the changelog from its start, so what is superseded should go soon: segments close
# after 64 MiB (some 150,000 rows) or six hours, and are compacted when a tenth of the log is
# superseded. Tombstones (a customer erased) outlive any restart by a week.
_CHANGELOG = {
    **_WITHIN_A_WEEK,
    "min.compaction.lag.ms": "0",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(64 << 20),
    "segment.ms": str(6 * HOUR_MS),
    "delete.retention.ms": str(7 * DAY_MS),
}


def _kept(
    name: str,
    role: Role,
    owner: Owner,
    retention_ms: int,
    partitions: Literal["inputs"] | int = PARTITIONED_LIKE_INPUTS,
    config: dict[str, str] | None = None,
) -> TopicSpec:
    return TopicSpec(name, role, owner, partitions, "delete", retention_ms, config or {})


def _compacted(
    name: str, role: Role, partitions: Literal["inputs"] | int, config: dict[str, str]
) -> TopicSpec:
    return TopicSpec(name, role, "offbeat", partitions, "compact", None, config)
