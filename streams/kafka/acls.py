"""The permissions that a worker needs, and none beside them, from the specs of the topics.

`Read` and `Write` carry `Describe` with them (Kafka's own rule), and a transactional producer needs
no `IdempotentWrite` (since Kafka 2.8). Transactional ids are named one by one: a prefix would also
let this worker fence the workers of another group whose name begins alike.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.topics import Role
from streams.kafka.topics import specs
from streams.settings import Settings
from streams.training.checkpoint import TRANSACTIONAL_NAME

Resource = Literal["topic", "group", "transactional-id"]
Operation = Literal["Read", "Write"]

_READ: tuple[Operation, ...] = ("Read",)
_WRITE: tuple[Operation, ...] = ("Write",)
_BOTH: tuple[Operation, ...] = ("Read", "Write")
_BY_ROLE: dict[Role, tuple[Operation, ...]] = {
    "input": _READ,
    "customers": _READ,
    "dead letters": _WRITE,
    "alerts": _WRITE,
    "at-risk": _WRITE,
    "feedback": _WRITE,  # the console
    "examples": _BOTH,  # whoever decides writes them, the trainer reads them
    "model": _BOTH,  # the trainer writes it, every worker reads it
    "state-changelog": _BOTH,
}


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """One permission: an operation on a resource of this very name (a literal pattern)."""

    resource: Resource
    name: str
    operation: Operation

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource} {self.name}"


def acls(settings: Settings) -> list[Acl]:
    """What the user of a worker has to be allowed; all workers of a group need the same.

    Transactional ids are those of `topics.partitions` partitions.
    """
    return [
        *(
            Acl("topic", spec.name, operation)
            for spec in specs(settings)
            for operation in _operations(spec.role, settings)
        ),
        Acl("group", settings.group, "Read"),
        *(Acl("transactional-id", name, "Write") for name in _transactional_ids(settings)),
    ]


def commands(wanted: list[Acl], principal: str, broker: str) -> Iterator[str]:
    """Lines for a shell: kafka-acls.sh adds what is wanted, a line for each kind of permission."""
    kinds = dict.fromkeys((acl.resource, acl.operation) for acl in wanted)
    for resource, operation in kinds:
        names = [a.name for a in wanted if (a.resource, a.operation) == (resource, operation)]
        words = [
            *("kafka-acls.sh", "--bootstrap-server", broker, "--add"),
            *("--allow-principal", principal, "--operation", operation),
            *(word for name in names for word in (f"--{resource}", name)),
        ]
        yield shlex.join(words)


def _operations(role: Role, settings: Settings) -> tuple[Operation, ...]:
    # what lies in another partition than its key's is sent on, to its own topic
    sends_on = role in ("input", "customers") and settings.topics.partitioner == "murmur2"
    return _BOTH if sends_on else _BY_ROLE[role]


def _transactional_ids(settings: Settings) -> list[str]:
    names = [*map(str, range(settings.topics.partitions)), TRANSACTIONAL_NAME]
    return [f"{settings.group}-{name}" for name in names]
