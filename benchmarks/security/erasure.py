"""A customer is erased, and then looked for in every byte that is kept.

A worker reads 40 customers. One of them has alerts, is at risk, is in the trainer's sample, and is
mentioned by dead letters, with their key and without one. First it is shown that the search finds
them. Then they are erased by `offbeat erase`, and others by records whose transaction is ended by
SIGKILL half-way. Then the logs are compacted, and everything is searched: the files of our topics,
their records, the workers' logs, the metrics.

One file: what is made, what is searched and what must be found belong together.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from benchmarks.harness import (
    OFFBEAT,
    Worker,
    create_topics,
    environment,
    partitions,
    read_all,
    wait_until_consumed,
    workers,
)
from benchmarks.security.cluster import Cluster
from benchmarks.security.trial import START_SECONDS, Outcome, events, send, settings_of
from detectors.customer import CUSTOMER
from schemas.changelog import PARTITION_KEY, read_prefix
from schemas.dead_letters import redrive_mark
from schemas.samples import customer_key
from schemas.topics import OutputTopics, Role, dead_letter_topic
from streams.kafka import erasing
from streams.kafka.acls import acls
from streams.kafka.fault_points import VARIABLE, Point
from streams.kafka.positions import committed_offsets
from streams.kafka.topics import specs
from streams.partition.sampling import sampled_numbers
from streams.settings import Settings

STRUCK = (Point.BEFORE_BEGIN, Point.AMID_SENDS, Point.AFTER_OFFSETS, Point.AMID_COMMIT)
COMPACTION_SECONDS = 90.0  # 10 s when idle
# What compaction needs weeks for, as docs/security.md says, in seconds.
AT_ONCE = {
    "segment.ms": "500",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "500",
    "min.cleanable.dirty.ratio": "0.0",
    "delete.retention.ms": "0",
    "file.delete.delay.ms": "100",
}


async def erased(cluster: Cluster, *, quick: bool = False) -> AsyncIterator[Outcome]:
    """Erase customers of a worker with the least permissions, and look for them."""
    scene = _Scene(cluster, STRUCK[1:2] if quick else STRUCK)
    await scene.prepare()
    for step in (scene.before, scene.struck, scene.by_command, scene.searched, scene.returned):
        async for what, fine in step():
            yield Outcome("erasure", what, fine)


class _Scene:
    """One run: the worker, and who is erased."""

    def __init__(self, cluster: Cluster, struck: Sequence[Point]) -> None:
        assert cluster.broker.folder is not None
        self._cluster = cluster
        self._points = struck
        self._folder = cluster.broker.folder / "data"
        self._settings = settings_of(cluster)
        secure = cluster.sasl("SASL", "SCRAM-SHA-512")
        self._worker = Worker(self._settings.group, environment(self._settings) | secure)
        self._outputs = OutputTopics(self._settings.topics.prefix)
        self._letters = dead_letter_topic(self._settings.topics.purchases)
        self._total = 0
        self._one = b""
        self._others: list[bytes] = []
        self._rows: dict[bytes, bytes] = {}

    @property
    def _gone(self) -> list[bytes]:
        return [self._one, *self._others]

    async def prepare(self) -> None:
        """Let the worker read everything, and choose whom to erase."""
        settings = self._settings
        await create_topics(settings)
        await self._cluster.allow(acls(settings))
        self._total = await send(settings, events())
        with workers(self._worker):
            await self._consumed()
            self._one = await _somebody_at_risk(settings)
            self._total += await _break(settings, self._one)
            await self._consumed()
            self._worker.stop()  # the trainer writes what it has
        self._rows = await _rows(settings)
        self._others = [who for who in self._rows if who != self._one][: len(self._points)]

    async def _consumed(self) -> None:
        await wait_until_consumed(self._settings, self._total, [self._worker], START_SECONDS)
        await asyncio.sleep(1.5)  # a tick after the last event

    async def before(self) -> AsyncIterator[tuple[str, bool]]:
        """What is to be erased is there."""
        found = await _found(self._settings, self._folder, [self._one])
        others = [await _found(self._settings, self._folder, [who]) for who in self._others]
        letters, outputs = self._letters, self._outputs
        everywhere = {outputs.alerts, outputs.at_risk, outputs.state_changelog, letters}
        fine = found == everywhere and all(others)
        yield "before: the search finds the customer wherever their id is", fine
        examples = await read_all(self._settings, outputs.examples)
        labels = [r for r in examples if b'"offbeat.example.v1"' in r.value]
        fine = bool(labels) and await self._sampled(self._one)
        yield "before: there are labels, and the trainer's sample has the customer", fine

    async def _sampled(self, who: bytes) -> bool:
        key = customer_key(sampled_numbers([who])[0])
        records = await read_all(self._settings, self._outputs.model)
        values = [record.value for record in records if record.key == key]
        return bool(values) and values[-1] is not None

    async def struck(self) -> AsyncIterator[tuple[str, bool]]:
        """Kill the worker in the transaction that erases."""
        settings, worker = self._settings, self._worker
        for who, point in zip(self._others, self._points, strict=True):
            worker.start(**{VARIABLE: f"{point}:1"})
            where = await erasing.places(settings, [who.decode()])
            asked = await erasing.request(settings, where)
            code = await asyncio.to_thread(worker.wait, START_SECONDS)
            undone = not await _committed(settings, asked) and who in await _rows(settings)
            with workers(worker):
                await erasing.wait(settings, asked, START_SECONDS)
                done = who not in await _rows(settings)
                worker.stop()
            await erasing.retract(settings, where)
            fine = code == -signal.SIGKILL and undone and done
            yield f"killed {point}: nothing is done, and then everything", fine

    async def by_command(self) -> AsyncIterator[tuple[str, bool]]:
        """Erase as a user does."""
        one = self._one.decode()
        await _hurry(self._settings, "dead letters")  # else an hour has to pass before
        with workers(self._worker):
            said = await asyncio.to_thread(_command, self._settings, "erase", one)
            metrics = await asyncio.to_thread(_page, f"{self._worker.pages}/metrics")
            again = await asyncio.to_thread(_command, self._settings, "erase", one, "nobody")
            code = self._worker.stop()
        fine = (code, said.returncode, again.returncode) == (0, 0, 0)
        fine = fine and b"2 dead letters deleted" in said.stdout
        fine = fine and self._one not in said.stdout + said.stderr
        yield "`offbeat erase` does it, twice without harm, and says nothing of whom", fine
        fine = b"offbeat_erasures_total 1.0" in metrics
        fine = fine and not any(who in metrics for who in self._gone)
        yield "the metrics count it and name nobody", fine

    async def searched(self) -> AsyncIterator[tuple[str, bool]]:
        """Look for them everywhere, and at the others."""
        settings, gone = self._settings, self._gone
        left = await _compacted(settings, self._folder, gone)
        where = f" ({', '.join(sorted(left))} have)" if left else ""
        yield f"after compaction no byte of our topics has an erased id{where}", not left
        log = self._worker.log_path.read_bytes()
        yield "no line of the workers' logs has one", not any(who in log for who in gone)
        sampled = [who for who in gone if await self._sampled(who)]
        yield "the trainer's sample has forgotten them", not sampled
        others = {who: row for who, row in self._rows.items() if who not in gone}
        letters = [r.value for r in await read_all(settings, self._letters) if r.value is not None]
        fine = await _rows(settings) == others and letters == [b"{neighbour"]
        yield "the neighbours' rows and dead letter are the same, byte for byte", fine

    async def returned(self) -> AsyncIterator[tuple[str, bool]]:
        """Start again, and let the erased one buy something."""
        self._total += await _send_purchase(self._settings, self._one)
        with workers(self._worker):
            await self._consumed()
            code = self._worker.stop()
        rows = await _rows(self._settings)
        begun = rows.get(self._one)
        fine = code == 0 and begun is not None and len(rows) == len(self._rows) - len(self._others)
        fine = fine and begun is not None and int(_row(begun)["n_purchases"]) == 1
        yield "the worker recovers, and who comes again is a new customer", fine


async def _somebody_at_risk(settings: Settings) -> bytes:
    """A customer whose open alert is the newest word on them."""
    newest = {
        record.key: record.value
        for record in await read_all(settings, OutputTopics(settings.topics.prefix).at_risk)
    }
    at_risk: bytes = min(who for who, alert in newest.items() if alert is not None)
    return at_risk


async def _break(settings: Settings, one: bytes) -> int:
    """Send what cannot be read: under their key, without one, and of somebody else."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    broken = [(one, b"{"), (None, b'{"customer_id": "%b", ' % one), (b"neighbour", b"{neighbour")]
    try:
        for key, value in broken:
            await producer.send_and_wait(settings.topics.purchases, value, key=key, partition=0)
    finally:
        await producer.stop()
    return len(broken)


async def _send_purchase(settings: Settings, who: bytes) -> int:
    """One more purchase of theirs."""
    value = (
        b'{"event_id": "back", "customer_id": "%b", "event_time": "2026-12-24T12:00:00Z",'
        b' "amount": 1.0, "currency": "EUR"}' % who
    )
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    try:
        await producer.send_and_wait(settings.topics.purchases, value, key=who)
    finally:
        await producer.stop()
    return 1


def _ours(settings: Settings) -> list[str]:
    return [spec.name for spec in specs(settings) if spec.owner == "offbeat"]


async def _found(settings: Settings, folder: Path, ids: Collection[bytes]) -> set[str]:
    """Our topics that hold one of the ids: in a byte of a file, or in a record of any kind."""
    names = _ours(settings)
    found = await asyncio.to_thread(_on_disk, names, folder, ids)
    for record in await read_all(settings, *names, isolation="read_uncommitted"):
        parts = [record.key, record.value, *(value for _, value in record.headers)]
        if any(one in part for part in parts if part for one in ids):
            found.add(record.topic)
    return found


def _on_disk(names: Collection[str], folder: Path, ids: Collection[bytes]) -> set[str]:
    found = set()
    for partition in folder.iterdir():
        name = partition.name.rpartition("-")[0]
        if name not in names:
            continue
        for path in partition.iterdir():
            with suppress(FileNotFoundError):  # gone while its folder is looked at
                content = path.read_bytes()
                if any(one in content for one in ids):
                    found.add(name)
    return found


async def _rows(settings: Settings) -> dict[bytes, bytes]:
    """The newest committed row of each customer."""
    topic = OutputTopics(settings.topics.prefix).state_changelog
    newest = {record.key: record.value for record in await read_all(settings, topic)}
    return {k: v for k, v in newest.items() if k != PARTITION_KEY and v is not None}


def _row(value: bytes) -> np.void:
    row: np.void = np.frombuffer(value, CUSTOMER, count=1, offset=read_prefix(value).start)[0]
    return row


def _page(address: str) -> bytes:
    with urlopen(address, timeout=10) as page:  # noqa: S310 (of the worker's own, on loopback)
        content: bytes = page.read()
    return content


async def _committed(settings: Settings, asked: dict[TopicPartition, int]) -> bool:
    done = await committed_offsets({"bootstrap_servers": settings.broker}, settings.group)
    return all(tp in done and done[tp].offset > offset for tp, offset in asked.items())


def _command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    own = {f"OFFBEAT_{key.upper()}": value for key, value in environment(settings).items()}
    return subprocess.run(
        [OFFBEAT, *arguments], env={**os.environ, **own}, capture_output=True, check=False
    )


async def _compacted(settings: Settings, folder: Path, gone: Collection[bytes]) -> set[str]:
    """Have everything compacted at once; the topics that still hold one of the ids after that."""
    await _hurry(settings)
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    mark = redrive_mark([])
    try:
        deadline = asyncio.get_running_loop().time() + COMPACTION_SECONDS
        while found := await _found(settings, folder, gone):
            if asyncio.get_running_loop().time() > deadline:
                return found
            # a segment closes when something is written behind it
            for tp in await partitions(settings, _ours(settings)):
                await producer.send_and_wait(
                    tp.topic, None, key=b"nobody", partition=tp.partition, headers=mark.headers
                )
            await asyncio.sleep(1.0)
        return set()
    finally:
        await producer.stop()


async def _hurry(settings: Settings, role: Role | None = None) -> None:
    """Let our topics, or those of a role, do at once what takes weeks."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker)
    await admin.start()
    try:
        await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, spec.name, spec.configs | AT_ONCE)
                for spec in specs(settings)
                if spec.owner == "offbeat" and role in (None, spec.role)
            ]
        )
    finally:
        await admin.close()
