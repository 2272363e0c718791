"""The faults: what strikes, how often, and what a worker must do about it.

A strike is the script of a run up to where nothing more happens to it. It starts the workers, and
returns how many seconds it took, after each blow, until every partition got on.

One file: a script each, a few lines long, and the list of them all.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from benchmarks.faults.forked import launch_on_full_disk
from benchmarks.faults.scene import SESSION_SECONDS, SLOW, MisbehavedError, MissedError, Scene
from benchmarks.harness import Worker
from streams.errors import BrokerError, StalledError, StopError
from streams.kafka.fault_points import TRANSACTION, Action, Point
from streams.ops import logs

# Past the session timeout, by enough for the group to have noticed (it looks at each heartbeat).
PAST_SESSION_SECONDS = SESSION_SECONDS + 2.0
TRANSACTION_SECONDS = 2.0
# The broker looks once a second for transactions that have timed out.
PAST_TRANSACTION_SECONDS = TRANSACTION_SECONDS + 2.0
END_SECONDS = 30.0  # of a worker that must end; a busy machine needs its time
# Transactions of a process until it is struck: from its first one to some seconds of work.
MOST_TRANSACTIONS = 30
STALL_SECONDS = 4.0
MOST_DELAY_MS = 10.0  # a transaction takes about as long

Strike = Callable[[Scene], Awaitable[list[float]]]


class Fault(NamedTuple):
    """`runs` of it are in the full suite, `quick` in the short one."""

    name: str
    strike: Strike
    runs: int
    quick: int
    on_cluster: bool = False


async def nothing(scene: Scene) -> list[float]:
    """The control: two workers instead of one, and no fault."""
    scene.start()
    scene.start()
    return []


async def at_point(scene: Scene, point: Point, action: Action = Action.KILL) -> list[float]:
    """A process is struck within a transaction; alone, or beside another that goes on."""
    alone = scene.rng.random() < 0.5
    victim = scene.start(strike=_planned(scene, point, action, alone=alone))
    if not alone:
        scene.start()
    await scene.until_struck(victim)
    return [await scene.recovered(time.monotonic(), await scene.positions())]


def _planned(scene: Scene, point: Point, action: Action, *, alone: bool = False) -> str:
    most = MOST_TRANSACTIONS if alone else MOST_TRANSACTIONS // 3  # it may have one partition of 3
    number = scene.rng.randint(1, most)
    return f"{point}:{number}:{action}:{scene.rng.uniform(0, MOST_DELAY_MS):.1f}"


async def killed_at_random(scene: Scene) -> list[float]:
    """SIGKILL twice, whoever it is, wherever it stands."""
    pair = [scene.start(SLOW), scene.start(SLOW)]
    seconds = []
    for share in sorted(scene.rng.uniform(0.05, 0.8) for _ in range(2)):
        await scene.until(share)
        victim = scene.rng.choice([worker for worker in pair if worker.running] or pair)
        since, before = time.monotonic(), await scene.positions()
        victim.signal(signal.SIGKILL)
        seconds.append(await scene.recovered(since, before))
    return seconds


async def zombie(scene: Scene, point: Point) -> list[float]:
    """Stopped in an open transaction past its session; the other takes over, and it comes back.

    It must find itself fenced, and end.
    """
    victim = scene.start(strike=_planned(scene, point, Action.STOP))
    scene.start()
    await scene.until_struck(victim)
    since, before = time.monotonic(), await scene.positions()
    await asyncio.sleep(PAST_SESSION_SECONDS)
    seconds = await scene.recovered(since, before)
    victim.signal(signal.SIGCONT)
    await scene.until_ended(victim, END_SECONDS, "a fenced zombie ends")
    return [seconds]


async def paused_at_random(scene: Scene) -> list[float]:
    """The same anywhere: who has nothing to commit may join again instead of ending."""
    pair = [scene.start(), scene.start()]
    await scene.until(scene.rng.uniform(0.05, 0.6))
    victim = scene.rng.choice(pair)
    since, before = time.monotonic(), await scene.positions()
    victim.signal(signal.SIGSTOP)
    await asyncio.sleep(PAST_SESSION_SECONDS)
    seconds = await scene.recovered(since, before)
    victim.signal(signal.SIGCONT)
    return [seconds]


async def joining_and_leaving(scene: Scene) -> list[float]:
    """One worker, then two, then three; one after the other is asked to go, and comes back."""
    first = scene.start(SLOW)
    seconds: list[float] = []
    await scene.until(0.05)
    second = await _joins(scene, seconds)
    third = await _joins(scene, seconds)
    for worker in scene.rng.sample([first, second, third], 2):
        await _leaves(scene, worker, seconds)
        if await scene.share() >= 1.0:
            raise MissedError("all was consumed before the last worker had left")
    return seconds


async def _joins(scene: Scene, seconds: list[float]) -> Worker:
    since, before = time.monotonic(), await scene.positions()
    worker = scene.start(SLOW)
    await asyncio.sleep(scene.rng.uniform(0.5, 2.0))
    seconds.append(await scene.recovered(since, before))
    return worker


async def _leaves(scene: Scene, worker: Worker, seconds: list[float]) -> None:
    since, before = time.monotonic(), await scene.positions()
    await scene.ask_to_end(worker)
    seconds.append(await scene.recovered(since, before))
    scene.stay(worker)


async def broker_restarted(scene: Scene, *, in_order: bool) -> list[float]:
    """The broker ends, in order or by SIGKILL, and comes back with its data."""
    scene.start(SLOW)
    scene.start(SLOW)
    await scene.until(scene.rng.uniform(0.05, 0.7))
    since, before = time.monotonic(), await scene.positions()
    if in_order:
        await asyncio.to_thread(scene.broker.restart)
    else:
        await asyncio.to_thread(scene.broker.kill)
        await asyncio.to_thread(scene.broker.start)
    return [await scene.recovered(since, before)]


async def broker_unreachable(
    scene: Scene, least: float = 2.0, most: float = 2 * SESSION_SECONDS
) -> list[float]:
    """The broker says nothing for a while, connections stay open."""
    scene.start(SLOW)
    scene.start(SLOW)
    await scene.until(scene.rng.uniform(0.05, 0.7))
    since, before = time.monotonic(), await scene.positions()
    with _silent(scene):
        await asyncio.sleep(scene.rng.uniform(least, most))
    return [await scene.recovered(since, before)]


@contextmanager
def _silent(scene: Scene) -> Iterator[None]:
    pid = scene.broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def coordinator_moves(scene: Scene) -> list[float]:
    """Nodes that coordinate the group or transactions are killed, one after the other."""
    cluster = scene.cluster
    assert cluster is not None
    scene.start(SLOW)
    scene.start(SLOW)
    ids = [f"{scene.settings.group}-{n}" for n in range(scene.settings.topics.partitions)]
    seconds, moved = [], 0
    for number, share in ((2, 0.1), (3, 0.4)):
        await scene.until(share)
        coordinators = await cluster.coordinators(scene.settings.group, ids)
        moved += sum(node == number for node in coordinators.values())
        since, before = time.monotonic(), await scene.positions()
        await asyncio.to_thread(cluster.nodes[number].kill)
        seconds.append(await scene.recovered(since, before))
        await asyncio.to_thread(cluster.nodes[number].start)
    if not moved:
        raise MissedError("no coordinator was on the nodes that were killed")
    return seconds


async def zombie_alone(scene: Scene, point: Point | None) -> list[float]:
    """Stopped past its session with nobody else there: it gets its own partitions back.

    In an open transaction at `point`, or anywhere.
    """
    if point is None:
        victim = scene.start(SLOW)
        await scene.until(scene.rng.uniform(0.05, 0.6))
        victim.signal(signal.SIGSTOP)
    else:
        victim = scene.start(strike=_planned(scene, point, Action.STOP, alone=True))
        await scene.until_struck(victim)
    since, before = time.monotonic(), await scene.positions()
    await asyncio.sleep(PAST_SESSION_SECONDS)
    victim.signal(signal.SIGCONT)
    return [await scene.recovered(since, before)]


async def disk_full(scene: Scene) -> list[float]:
    """Workers that can write to no file, killed once: nothing that they need is on a disk."""
    pair = [scene.start(SLOW, launch=launch_on_full_disk) for _ in range(2)]
    await scene.until(scene.rng.uniform(0.05, 0.6))
    since, before = time.monotonic(), await scene.positions()
    scene.rng.choice(pair).signal(signal.SIGKILL)
    return [await scene.recovered(since, before)]


async def hangs(scene: Scene, point: Point) -> list[float]:
    """What the worker waits for never comes, and the broker is well: it must end itself."""
    more = {"stall_seconds": str(STALL_SECONDS)}
    victim = scene.start(more, strike=_planned(scene, point, Action.HANG, alone=True))
    since, before = time.monotonic(), await scene.positions()
    await scene.until_ended(victim, END_SECONDS, "a worker that stands still ends")
    if scene.ended(victim)[-1] != StalledError.exit_code:
        raise MisbehavedError(f"a worker that stood still ended with {scene.ended(victim)[-1]}")
    return [await scene.recovered(since, before)]


async def asked_to_end_amid_recovery(scene: Scene) -> list[float]:
    """As soon as it has its partitions, with their state on its way."""
    first = scene.start(SLOW)
    await scene.until(scene.rng.uniform(0.2, 0.6))
    first.signal(signal.SIGKILL)
    await scene.until_ended(first, END_SECONDS, "a killed worker is gone")
    since, before = time.monotonic(), await scene.positions()
    await scene.until_logged(first, logs.PARTITIONS_ASSIGNED, 2)
    await _ends_with(scene, first, 0)
    scene.stay(first)
    return [await scene.recovered(since, before)]


async def asked_to_end_amid_a_rebalance(scene: Scene) -> list[float]:
    """While another one joins."""
    first = scene.start(SLOW)
    await scene.until(scene.rng.uniform(0.05, 0.5))
    second = scene.start(SLOW)
    await scene.until_logged(second, logs.WORKER_STARTED)
    await asyncio.sleep(scene.rng.uniform(0.0, 0.6))
    since, before = time.monotonic(), await scene.positions()
    await _ends_with(scene, first, 0)
    return [await scene.recovered(since, before)]


async def asked_to_end_without_a_broker(scene: Scene) -> list[float]:
    """It cannot save, so it says so by its code; and it does not wait for ever."""
    worker = scene.start(SLOW)
    await scene.until(scene.rng.uniform(0.05, 0.6))
    since, before = time.monotonic(), await scene.positions()
    with _silent(scene):
        await _ends_with(scene, worker, BrokerError.exit_code, StopError.exit_code)
    scene.stay(worker)
    return [await scene.recovered(since, before)]


async def _ends_with(scene: Scene, worker: Worker, *codes: int) -> None:
    code = await scene.ask_to_end(worker)
    if code not in codes:
        raise MisbehavedError(f"asked to end, a worker ended with {code}")


async def transaction_timed_out(scene: Scene) -> list[float]:
    """Stopped amid its sends for longer than a transaction may take, but not than the session.

    The broker has taken the transaction back: the worker must end, and its successor do it again.
    """
    more = {
        "kafka_transaction_timeout_seconds": str(TRANSACTION_SECONDS),
        "kafka_session_timeout_seconds": str(3 * PAST_TRANSACTION_SECONDS),
    }
    victim = scene.start(more, strike=_planned(scene, Point.AMID_SENDS, Action.STOP, alone=True))
    await scene.until_struck(victim)
    since, before = time.monotonic(), await scene.positions()
    await asyncio.sleep(PAST_TRANSACTION_SECONDS)
    victim.signal(signal.SIGCONT)
    await scene.until_ended(victim, END_SECONDS, "whose transaction timed out ends")
    return [await scene.recovered(since, before)]


# What each promise of docs/guarantees.md is held by; two runs are the control's.
FAULTS = (
    Fault("undisturbed, two workers", nothing, 2, 1),
    *(Fault(f"killed {point}", partial(at_point, point=point), 7, 1) for point in TRANSACTION),
    Fault("killed at random", killed_at_random, 6, 1),
    Fault("zombie amid sends", partial(zombie, point=Point.AMID_SENDS), 3, 1),
    Fault("zombie before offsets", partial(zombie, point=Point.BEFORE_OFFSETS), 2, 0),
    Fault("paused at random", paused_at_random, 2, 0),
    Fault("workers join and leave", joining_and_leaving, 4, 1),
    Fault("broker restarted", partial(broker_restarted, in_order=True), 3, 1),
    Fault("broker killed", partial(broker_restarted, in_order=False), 3, 0),
    Fault("broker unreachable", broker_unreachable, 3, 1),
    Fault(
        "broker unreachable for a minute",
        partial(broker_unreachable, least=60.0, most=65.0),
        1,
        0,
    ),
    Fault("coordinator moves", coordinator_moves, 3, 0, on_cluster=True),
    Fault("zombie alone, anywhere", partial(zombie_alone, point=None), 2, 0),
    Fault("zombie alone, amid sends", partial(zombie_alone, point=Point.AMID_SENDS), 2, 0),
    Fault("disk full", disk_full, 3, 1),
    Fault("fetches hang", partial(hangs, point=Point.FETCH), 3, 1),
    Fault("commit hangs", partial(hangs, point=Point.AMID_COMMIT), 2, 0),
    Fault("asked to end amid recovery", asked_to_end_amid_recovery, 3, 1),
    Fault("asked to end amid a rebalance", asked_to_end_amid_a_rebalance, 3, 0),
    Fault("asked to end without a broker", asked_to_end_without_a_broker, 2, 0),
    *(
        Fault(f"failure {point}", partial(at_point, point=point, action=Action.FAIL), runs, quick)
        for point, runs, quick in (
            (Point.AMID_SENDS, 4, 1),
            (Point.BEFORE_OFFSETS, 2, 0),
            (Point.AMID_COMMIT, 3, 0),
        )
    ),
    Fault("transaction timed out", transaction_timed_out, 3, 0),
)
