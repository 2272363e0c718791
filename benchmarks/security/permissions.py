"""The least of permissions: enough for a worker, and none of them too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from aiokafka import AIOKafkaProducer

from benchmarks.harness import Worker, create_topics, environment, wait_until_consumed, workers
from benchmarks.security.cluster import USER, Cluster
from benchmarks.security.trial import (
    PARTITIONS,
    START_SECONDS,
    Ended,
    Outcome,
    events,
    send,
    settings_of,
    start_and_end,
    works,
)
from schemas.topics import OutputTopics, dead_letter_topic
from streams.errors import AccessError
from streams.kafka.acls import Acl, acls
from streams.settings import Settings
from streams.sources.kafka import partition_of

# A worker notices within a fetch or a checkpoint; a busy machine is slower.
NOTICE_SECONDS = 40.0
_KEY = USER.encode()


async def enough(cluster: Cluster) -> AsyncIterator[Outcome]:
    """A worker with exactly these permissions does everything."""
    secure = cluster.sasl("SASL", "SCRAM-SHA-512")
    fine = await works(cluster, secure)
    yield Outcome("least_acls", "a worker with these permissions alone", fine)


async def each_is_needed(cluster: Cluster) -> AsyncIterator[Outcome]:
    """Without any single one of them a worker does not start, and names that one and no other."""
    settings = settings_of(cluster)
    await create_topics(settings)
    wanted = acls(settings)
    await cluster.allow(wanted)
    for acl in wanted:
        await cluster.withdraw([acl])
        ended = start_and_end(settings, cluster.sasl("SASL", "SCRAM-SHA-512"))
        await cluster.allow([acl])
        others = [other for other in wanted if other != acl and f"{other}\n" in ended.said]
        fine = ended.refused(acl.name, acl.operation) and not others
        yield Outcome("least_acls", f"does not start without {acl}", fine)


async def withdrawn(cluster: Cluster) -> AsyncIterator[Outcome]:
    """What is taken from a worker that runs ends it as soon as it is used."""
    outputs = OutputTopics  # by the prefix of each run
    cases: list[tuple[Callable[[Settings], Acl], Callable[[Settings], Awaitable[object]]]] = [
        (lambda s: Acl("topic", s.topics.purchases, "Read"), _more),
        (lambda s: Acl("topic", dead_letter_topic(s.topics.purchases), "Write"), _broken),
        (lambda s: Acl("topic", outputs(s.topics.prefix).alerts, "Write"), _more),
        (lambda s: Acl("topic", outputs(s.topics.prefix).at_risk, "Write"), _more),
        (lambda s: Acl("topic", outputs(s.topics.prefix).examples, "Write"), _more),
        (lambda s: Acl("topic", outputs(s.topics.prefix).state_changelog, "Write"), _more),
        (lambda s: Acl("topic", outputs(s.topics.prefix).model, "Read"), _nothing),
        (lambda s: Acl("topic", outputs(s.topics.prefix).examples, "Read"), _more),
        (lambda s: Acl("group", s.group, "Read"), _more),
        (lambda s: Acl("transactional-id", f"{s.group}-0", "Write"), _more),
        (lambda s: Acl("topic", f"{s.topics.customers}", "Read"), _nothing),
        (
            lambda s: Acl("topic", dead_letter_topic(f"{s.topics.customers}"), "Write"),
            _broken_customer,
        ),
        (lambda s: Acl("topic", s.topics.purchases, "Write"), _astray),
    ]
    for which, then in cases:
        yield await _withdrawn(cluster, which, then)


async def _withdrawn(
    cluster: Cluster,
    which: Callable[[Settings], Acl],
    then: Callable[[Settings], Awaitable[object]],
) -> Outcome:
    settings = settings_of(cluster)
    secure = cluster.sasl("SASL", "SCRAM-SHA-512")
    await create_topics(settings)
    await cluster.allow(acls(settings))
    total = await send(settings, events((0, 100)))
    worker = Worker(settings.group, environment(settings) | secure)
    acl = which(settings)
    with workers(worker):
        with suppress(TimeoutError):  # then it says nothing of what is taken from it
            await wait_until_consumed(settings, total, [worker], START_SECONDS)
        await cluster.withdraw([acl])
        await then(settings)
        code = await asyncio.to_thread(worker.wait, NOTICE_SECONDS)
    ended = Ended(code, worker.log_path.read_text())
    fine = ended.code == AccessError.exit_code and "does not allow this user" in ended.said
    if fine and f"{acl.operation} on {acl.resource} {acl.name}." not in ended.said:
        # Kafka does not say the name of a topic whose offsets it refuses; the next start does
        fine = start_and_end(settings, secure).refused(str(acl))
    return Outcome("least_acls", f"ends when it loses {acl}", fine and ended.discreet)


async def _more(settings: Settings) -> None:
    await send(settings, events((100, 200)))


async def _broken(settings: Settings) -> None:
    await _send(settings.broker, settings.topics.purchases, b"{", partition_of(_KEY, PARTITIONS))


async def _broken_customer(settings: Settings) -> None:
    topic = settings.topics.customers or ""
    await _send(settings.broker, topic, b"{", partition_of(_KEY, PARTITIONS))


async def _astray(settings: Settings) -> None:
    event = (
        b'{"event_id": "e", "customer_id": "%b", "event_time": "2026-01-01T00:00:00Z",'
        b' "amount": 1, "currency": "EUR"}' % _KEY
    )
    elsewhere = (partition_of(_KEY, PARTITIONS) + 1) % PARTITIONS
    await _send(settings.broker, settings.topics.purchases, event, elsewhere)


async def _send(broker: str, topic: str, value: bytes, partition: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=_KEY, partition=partition)
    finally:
        await producer.stop()


async def _nothing(_: Settings) -> None:
    """What is read all the time needs nothing more."""
