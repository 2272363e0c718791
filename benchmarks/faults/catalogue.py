"""The faults: what strikes, how often, and what a worker must do about it.

A strike is the script of a run up to where nothing more happens to it. It starts the workers, and
returns how many seconds it took, after each blow, until every partition got on.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from benchmarks.faults.scene import SESSION_SECONDS, SLOW, MissedError, Scene
from benchmarks.harness import Worker
from streams.kafka.fault_points import TRANSACTION, Action, Point

# Past the session timeout, by enough for the group to have noticed (it looks at each heartbeat).
PAST_SESSION_SECONDS = SESSION_SECONDS + 2.0
TRANSACTION_SECONDS = 2.0
# The broker looks once a second for transactions that have timed out.
PAST_TRANSACTION_SECONDS = TRANSACTION_SECONDS + 2.0
END_SECONDS = 30.0  # of a worker that must end; a busy machine needs its time
# Transactions of a process until it is struck: from its first one to some seconds of work.
MOST_TRANSACTIONS = 30
MOST_DELAY_MS = 10.0  # a transaction takes about as long

Strike = Callable[[Scene], Awaitable[list[float]]]


class Fault(NamedTuple):
    """`runs` of it are in the full suite, `quick` in the short one."""

    name: str
    strike: Strike
    runs: int
    quick: int


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
    scene.leave(worker)
    worker.signal(signal.SIGTERM)
    await asyncio.to_thread(worker.wait, END_SECONDS)
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


async def broker_unreachable(scene: Scene) -> list[float]:
    """The broker says nothing for some seconds, connections stay open."""
    scene.start(SLOW)
    scene.start(SLOW)
    await scene.until(scene.rng.uniform(0.05, 0.7))
    pid = scene.broker.pid
    assert pid is not None
    since, before = time.monotonic(), await scene.positions()
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(scene.rng.uniform(2.0, 2 * SESSION_SECONDS))
    finally:
        os.kill(pid, signal.SIGCONT)
    return [await scene.recovered(since, before)]


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


# What each promise of docs/guarantees.md is held by; 104 runs, of which 2 are the control's.
FAULTS = (
    Fault("undisturbed, two workers", nothing, 2, 1),
    *(Fault(f"killed {point}", partial(at_point, point=point), 10, 1) for point in TRANSACTION),
    Fault("killed at random", killed_at_random, 8, 1),
    Fault("zombie amid sends", partial(zombie, point=Point.AMID_SENDS), 4, 1),
    Fault("zombie before offsets", partial(zombie, point=Point.BEFORE_OFFSETS), 2, 0),
    Fault("paused at random", paused_at_random, 2, 0),
    Fault("workers join and leave", joining_and_leaving, 5, 1),
    Fault("broker restarted", partial(broker_restarted, in_order=True), 3, 1),
    Fault("broker killed", partial(broker_restarted, in_order=False), 3, 0),
    Fault("broker unreachable", broker_unreachable, 3, 1),
    *(
        Fault(f"failure {point}", partial(at_point, point=point, action=Action.FAIL), runs, quick)
        for point, runs, quick in (
            (Point.AMID_SENDS, 4, 1),
            (Point.BEFORE_OFFSETS, 2, 0),
            (Point.AMID_COMMIT, 3, 0),
        )
    ),
    Fault("transaction timed out", transaction_timed_out, 3, 1),
)
