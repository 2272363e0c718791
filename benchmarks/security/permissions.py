"""The least of permissions: enough for a worker, and none of them too many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaProducer

from benchmarks.harness import Worker, create_topics, environment, wait_until_consumed, workers
from benchmarks.security.cluster import USER, Cluster
from benchmarks.security.logins import Outcome
from benchmarks.security.trial import (
    START_SECONDS,
    Ended,
    events,
    send,
    settings_of,
    start_and_end,
    works,
)
from schemas.topics import OutputTopics, dead_letter_topic
from streams.kafka.acls import Acl, acls
from streams.settings import Settings

# A worker notices within a fetch or a checkpoint; a busy machine is slower.
NOTICE_SECONDS = 40.0


async def enough(cluster: Cluster) -> list[Outcome]:
    """A worker with exactly these permissions does everything."""
    secure = cluster.sasl("SASL", "SCRAM-SHA-512")
    return [("least_acls", "a worker with these permissions alone", await works(cluster, secure))]


async def each_is_needed(cluster: Cluster) -> list[Outcome]:
    """Without any single one of them a worker does not start, and names that one and no other."""
    settings = settings_of(cluster)
    await create_topics(settings)
    wanted = acls(settings)
    await cluster.allow(wanted)
    outcomes: list[Outcome] = []
    for acl in wanted:
        await cluster.withdraw([acl])
        ended = start_and_end(settings, cluster.sasl("SASL", "SCRAM-SHA-512"))
        await cluster.allow([acl])
        others = [other for other in wanted if other != acl and f"{other}\n" in ended.said]
        fine = ended.refused(acl.name, acl.operation) and not others
        outcomes.append(("least_acls", f"does not start without {acl}", fine))
    return outcomes


async def withdrawn(cluster: Cluster) -> list[Outcome]:
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
    ]
    return [await _withdrawn(cluster, which, then) for which, then in cases]


async def _withdrawn(
    cluster: Cluster,
    which: Callable[[Settings], Acl],
    then: Callable[[Settings], Awaitable[object]],
) -> Outcome:
    settings = settings_of(cluster)
    await create_topics(settings)
    await cluster.allow(acls(settings))
    total = await send(settings, events((0, 100)))
    worker = Worker(settings.group, environment(settings) | cluster.sasl("SASL", "SCRAM-SHA-512"))
    acl = which(settings)
    with workers(worker):
        await wait_until_consumed(settings, total, [worker], START_SECONDS)
        await cluster.withdraw([acl])
        await then(settings)
        code = await asyncio.to_thread(worker.wait, NOTICE_SECONDS)
    ended = Ended(code, worker.log_path.read_text())
    named = acl.name if acl.resource != "transactional-id" else settings.group
    fine = ended.refused(named, f"does not allow this user {acl.operation}")
    return "least_acls", f"ends when it loses {acl.operation} on {acl.resource} {acl.name}", fine


async def _more(settings: Settings) -> None:
    await send(settings, events((100, 200)))


async def _broken(settings: Settings) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    try:
        await producer.send_and_wait(settings.topics.purchases, b"{", key=USER.encode())
    finally:
        await producer.stop()


async def _nothing(_: Settings) -> None:
    """What is read all the time needs nothing more."""
