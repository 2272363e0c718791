"""The permissions of a worker follow from the specs of its topics."""

from __future__ import annotations

import shlex
from typing import Literal

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from schemas.topics import topic_specs
from streams.kafka.acls import Acl, acls, commands
from streams.kafka.denials import refused
from streams.settings import Settings
from streams.settings_groups import Topics

SETTINGS = Settings(group="g", topics=Topics(partitions=2))


@pytest.mark.parametrize(
    ("partitioner", "operations"), [("murmur2", {"Read", "Write"}), ("any", {"Read"})]
)
def test_every_topic_is_used_and_inputs_are_written_only_to_send_events_on(
    partitioner: Literal["murmur2", "any"], operations: set[str]
) -> None:
    topics = Topics(partitions=2, partitioner=partitioner)
    wanted = acls(Settings(group="g", topics=topics))
    assert {acl.name for acl in wanted if acl.resource == "topic"} == {
        spec.name for spec in topic_specs()
    }
    inputs = {spec.name for spec in topic_specs() if spec.role == "input"}
    assert {acl.operation for acl in wanted if acl.name in inputs} == operations
    assert len(wanted) == len(set(wanted))


def test_the_customers_topic_is_read_only_once_it_is_set() -> None:
    topics = Topics(partitions=2, customers="crm")
    more = set(acls(Settings(group="g", topics=topics))) - set(acls(SETTINGS))
    assert {str(acl) for acl in more} == {
        "Read on topic crm",
        "Write on topic crm",
        "Write on topic crm.dlq",
    }


def test_a_partition_has_one_transactional_id_and_the_trainer_one() -> None:
    ids = [acl.name for acl in acls(SETTINGS) if acl.resource == "transactional-id"]
    assert ids == ["g-0", "g-1", "g-trainer"]


def test_the_commands_say_the_same_as_the_list() -> None:
    said = []
    for line in commands(acls(SETTINGS), "User:it's me", "kafka:9092"):
        words = shlex.split(line)
        assert words[:4] == ["kafka-acls.sh", "--bootstrap-server", "kafka:9092", "--add"]
        assert words[4:6] == ["--allow-principal", "User:it's me"]
        operation = words[words.index("--operation") + 1]
        flags = words[8:]
        said += [
            Acl(flag[2:], name, operation)  # type: ignore[arg-type]  # the words are Acl's own
            for flag, name in zip(flags[::2], flags[1::2], strict=True)
        ]
    assert sorted(said) == sorted(acls(SETTINGS))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TopicAuthorizationFailedError("offbeat.alerts"), "Write on topic offbeat.alerts"),
        (TopicAuthorizationFailedError({"b", "a"}), "Write on topic a, b"),
        (TopicAuthorizationFailedError(), "Write on a topic whose name it does not tell"),
        (GroupAuthorizationFailedError("g"), "Read on group g"),
        (TransactionalIdAuthorizationFailed("g-0"), "Write on transactional-id g-0"),
    ],
)
def test_a_refusal_names_what_is_missing(error: KafkaError, words: str) -> None:
    wrapped = KafkaError("Unexpected error during batch delivery")
    wrapped.__cause__ = error
    denial = refused(wrapped, "Write")
    assert denial is not None
    assert words in str(denial)
    assert "offbeat topics acls" in denial.remedy


def test_other_errors_are_no_refusals() -> None:
    assert refused(KafkaError("broken"), "Write") is None
