"""A run from its empty topics to its verdict."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.faults import stream
from benchmarks.faults.catalogue import Fault
from benchmarks.faults.cluster import NODES, Cluster
from benchmarks.faults.outcome import Outcome, Verdict, compare, read
from benchmarks.faults.scene import MisbehavedError, MissedError, Scene, totals
from benchmarks.harness import LOGS, console, create_topics, named
from schemas.topics import topic_specs
from streams.kafka.broker import EmbeddedBroker
from streams.settings import Settings

PARTITIONS = 3  # not a multiple of two workers
# After the last event a tick moves the watermark once more, and a transaction makes that visible.
SETTLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one. `problem` is empty, or says what a worker or the suite did wrong."""

    fault: str
    verdict: Verdict
    recoveries: list[float]
    stops: list[float]  # seconds from SIGTERM to the end, of each worker that was asked
    exits: Counter[int]
    problem: str
    missed: bool  # all was consumed before the fault could strike
    seconds: float
    logs: str

    @property
    def clean(self) -> bool:
        """Whether all was as it should be."""
        return self.verdict.clean and not self.problem

    def forget_logs(self) -> None:
        """Remove what its workers wrote."""
        for path in LOGS.glob(f"{self.logs}-*.log"):
            path.unlink()


async def undisturbed(broker: EmbeddedBroker, events: stream.Stream, name: str) -> Outcome:
    """One worker, in peace: the truth."""
    settings = await _prepared(broker.bootstrap, events, name)
    scene = Scene(broker, settings, await totals(settings), Random(0))  # noqa: S311 (not used)
    async with Tended(scene):
        scene.start()
        consumed = await scene.consumed()
        await asyncio.sleep(3)
    if not consumed or scene.exits:
        raise RuntimeError(f"the undisturbed run failed, exits {scene.exits}; see {scene.logs}")
    return await read(settings)


async def disturbed(
    broker: EmbeddedBroker,
    events: stream.Stream,
    name: str,
    fault: Fault,
    truth: Outcome,
    rng: Random,
) -> Run:
    """One run with one fault, compared with the truth."""
    if not fault.on_cluster:
        return await _disturbed(broker, None, events, name, fault, truth, rng)
    cluster = Cluster(console)
    try:
        await asyncio.to_thread(cluster.start)
        return await _disturbed(broker, cluster, events, name, fault, truth, rng)
    finally:
        await asyncio.to_thread(cluster.stop)


async def _disturbed(
    broker: EmbeddedBroker,
    cluster: Cluster | None,
    events: stream.Stream,
    name: str,
    fault: Fault,
    truth: Outcome,
    rng: Random,
) -> Run:
    started = time.monotonic()
    bootstrap, replication = (
        (cluster.bootstrap, NODES) if cluster is not None else (broker.bootstrap, 1)
    )
    settings = await _prepared(bootstrap, events, name, replication)
    scene = Scene(broker, settings, await totals(settings), rng, cluster)
    recoveries: list[float] = []
    problem, missed = "", False
    try:
        async with Tended(scene):
            try:
                recoveries = await fault.strike(scene)
            except MissedError as error:
                problem, missed = f"missed: {error}", True
            if not await scene.consumed():
                problem = "not all events were consumed"
            await _settled(settings, truth)
    except MisbehavedError as error:
        problem, missed = f"misbehaved: {error}", False
    verdict = compare(truth, await read(settings))
    run = Run(
        fault.name,
        verdict,
        recoveries,
        scene.stops,
        scene.exits,
        problem,
        missed,
        time.monotonic() - started,
        scene.logs,
    )
    if run.clean:
        await _delete_topics(settings)
    return run


class Tended:
    """Workers are restarted within, and ended at its end."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._scene.tend())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await asyncio.to_thread(self._scene.stop)


async def _prepared(
    bootstrap: str, events: stream.Stream, name: str, replication: int = 1
) -> Settings:
    settings = named(bootstrap, name, partitions=PARTITIONS, replication=replication, clock="event")
    await create_topics(settings)
    await stream.send(settings, events)
    return settings


async def _settled(settings: Settings, truth: Outcome) -> None:
    """Return when it is as it should be, or when it has had its time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            while not compare(truth, await read(settings)).clean:  # noqa: ASYNC110 (asks a broker)
                await asyncio.sleep(0.5)


async def _delete_topics(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker)
    await admin.start()
    try:
        specs = topic_specs(settings.topics.prefix, settings.topics.inputs)
        await admin.delete_topics([spec.name for spec in specs])
    finally:
        await admin.close()
