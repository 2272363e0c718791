"""The topics on the broker: made as their specs say, checked before a worker starts.

    await create(settings)   # what is missing; what is there is left as it is
    await check(settings)    # what is there, and findings, errors first
    await require(settings)  # raises TopicsError when there are errors; else: warnings, partitions

Inputs, changelog and whatever is written a partition at a time have equally many partitions: those
of the inputs that are there already, else the setting `topics.partitions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.topics import PARTITIONED_LIKE_INPUTS, TopicSpec, topic_specs
from streams.errors import BrokerError, TopicsError
from streams.kafka.connection import client_options
from streams.kafka.findings import Described, Finding, compare, input_partitions
from streams.kafka.login import refusal
from streams.settings import Settings

# The controller answers before every broker has heard of a topic; one node takes milliseconds.
_VISIBLE_SECONDS = 30.0
_LOOK_SECONDS = 0.05


def specs(settings: Settings) -> tuple[TopicSpec, ...]:
    """Specs under this installation's names."""
    topics = settings.topics
    return topic_specs(topics.prefix, topics.inputs, topics.customers)


async def check(settings: Settings) -> tuple[dict[str, Described], list[Finding]]:
    """The topics that are there, and all that is not as the specs say, errors first."""
    wanted = specs(settings)
    async with _admin(settings) as admin:
        found = await _describe(admin, [spec.name for spec in wanted])
        brokers = len((await admin.describe_cluster())["brokers"])
    return found, compare(
        wanted,
        found,
        replication=settings.topics.replication,
        brokers=brokers,
        budget_shares=settings.topics.partitions if settings.policy.alerts_per_day else None,
    )


async def require(settings: Settings) -> tuple[list[Finding], int]:
    """The warnings, and how many partitions the inputs have.

    Raises TopicsError with every error in it, BrokerError without a broker.
    """
    found, findings = await check(settings)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise TopicsError(
            f"{len(errors)} of the topics' settings would lose or mix up events",
            where=settings.broker,
            remedy="\n" + "\n".join(f"  {finding}" for finding in errors),
        )
    return findings, found[settings.topics.purchases].partitions


async def create(settings: Settings) -> list[str]:
    """Makes the missing topics and waits until they can be used; returns their names.

    Raises TopicsError when inputs that are there differ in partitions, or the broker refuses.
    """
    wanted = specs(settings)
    async with _admin(settings) as admin:
        found = await _describe(admin, [spec.name for spec in wanted])
        _refuse_uneven_inputs(settings, wanted, found)
        count = input_partitions(wanted, found) or settings.topics.partitions
        missing = [spec for spec in wanted if spec.name not in found]
        if missing:
            await _create(admin, settings, missing, count)
            await _await_visible(admin, settings, missing)
    return [spec.name for spec in missing]


async def partition_counts(settings: Settings, names: Sequence[str]) -> dict[str, int]:
    """How many partitions these topics have; raises TopicsError when one is missing."""
    async with _admin(settings) as admin:
        found = await _describe(admin, names)
    if missing := [name for name in names if name not in found]:
        raise TopicsError(
            f"topics are missing: {', '.join(missing)}",
            where=settings.broker,
            remedy="Is it the right broker (--broker)? Otherwise run `offbeat topics create`.",
        )
    return {name: found[name].partitions for name in names}


async def delete_before(settings: Settings, place: TopicPartition, offset: int) -> None:
    """Delete the records of a partition that lie before the offset; AccessError if that may not be.

    They can be read no more at once, and leave the disk with their segments.
    """
    async with _admin(settings) as admin:
        await admin.delete_records({place: RecordsToDelete(before_offset=offset)})


def _refuse_uneven_inputs(
    settings: Settings, wanted: Sequence[TopicSpec], found: dict[str, Described]
) -> None:
    inputs = {
        spec.name: found[spec.name].partitions
        for spec in wanted
        if spec.role == "input" and spec.name in found
    }
    if len(set(inputs.values())) > 1:
        counts = ", ".join(f"{name} has {count}" for name, count in inputs.items())
        raise TopicsError(
            f"the inputs differ in partitions ({counts})",
            where=settings.broker,
            remedy="A customer's events must meet in one partition: make them anew, all alike.",
        )


async def _create(
    admin: AIOKafkaAdminClient, settings: Settings, missing: Sequence[TopicSpec], count: int
) -> None:
    requests = [
        NewTopic(
            spec.name,
            count if spec.partitions == PARTITIONED_LIKE_INPUTS else spec.partitions,
            settings.topics.replication,
            # aiokafka takes -1, the broker's own replication, only when these are not None
            replica_assignments={} if settings.topics.replication == -1 else None,
            topic_configs=spec.configs,
        )
        for spec in missing
    ]
    response = await admin.create_topics(requests)
    for name, code, message in response.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:  # another one was quicker
            raise TopicsError(
                f"the broker refuses to make it ({for_code(code).__name__}: {message})",
                where=name,
                remedy="Set OFFBEAT_TOPICS_PARTITIONS or OFFBEAT_TOPICS_REPLICATION to what it "
                "accepts, or have somebody with the right to it run `offbeat topics create`.",
            )


async def _await_visible(
    admin: AIOKafkaAdminClient, settings: Settings, created: Sequence[TopicSpec]
) -> None:
    names = [spec.name for spec in created]
    try:
        async with asyncio.timeout(_VISIBLE_SECONDS):
            while True:
                found = await _describe(admin, names)
                if len(found) == len(names) and not any(t.leaderless for t in found.values()):
                    return
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError as error:
        raise BrokerError(
            f"new topics were not ready within {_VISIBLE_SECONDS:g} s",
            where=settings.broker,
            remedy="Look at the broker's log; `offbeat topics check` tells which.",
        ) from error


async def _describe(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, Described]:
    # asking for all topics, because asking for one by name may create it
    listed = {topic["topic"]: topic for topic in await admin.describe_topics()}
    present = [name for name in names if name in listed]
    configs = await _configs(admin, present)
    return {name: _described(listed[name]["partitions"], configs[name]) for name in present}


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for code, _, _, name, entries in response.resources:
            # not allowed to look: then what is not known is taken to be as it should be
            configs[name] = {} if code else {entry[0]: entry[1] for entry in entries}
    return configs


def _described(partitions: Sequence[dict[str, Any]], config: dict[str, str]) -> Described:
    return Described(
        partitions=len(partitions),
        replication=min(len(partition["replicas"]) for partition in partitions),
        leaderless=sum(partition["leader"] < 0 for partition in partitions),
        config=config,
    )


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        yield admin
    except KafkaError as error:
        raise await refusal(settings, error) from error
    finally:
        await admin.close()
