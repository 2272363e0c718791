"""Ends a worker that has stopped getting on, and says so: a restart helps, waiting does not.

A consumer can stop without a word: a task that died, a lock that nobody lets go. Then there are
records to read, nothing is read, and nothing is wrong that anybody could see. So a task of its own
asks the broker, with a client of its own, where the logs end. The worker stalls when for
`stall_seconds` something was to be done, the broker answered, and nothing happened.

Nothing is to be done while a rebalance is under way, for an input that waits for the others, and
when all is read. While the broker does not answer no time passes; nor while this process itself was
stopped.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple, NoReturn, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.errors import StalledError
from streams.ops.health import Health

MUST_WAIT = sys.maxsize
LOOKS = 8  # within the bound
ANSWER_SECONDS = 10.0  # else the broker counts as away


class Work(NamedTuple):
    """What is to be done, and how far it is."""

    progress: Hashable  # anything else than the last time is progress
    positions: Mapping[TopicPartition, int]  # of all inputs owned; MUST_WAIT is behind no end
    busy: str  # what else has to come to an end, such as a recovery; empty if nothing


class Ends(Protocol):
    """Where logs end."""

    async def at(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Raises KafkaError, OSError or TimeoutError when the broker does not answer."""


class Watchdog:
    """See above.

    Args:
        work: asked at each look; None while a rebalance is under way.
        fail: ends the process.
    """

    def __init__(
        self,
        stall_seconds: float,
        work: Callable[[], Work | None],
        ends: Ends,
        health: Health,
        fail: Callable[[BaseException], NoReturn],
    ) -> None:
        self.pause = stall_seconds / LOOKS
        self._bound = stall_seconds
        self._work = work
        self._ends = ends
        self._health = health
        self._fail = fail
        self._progress: Hashable = None
        self._idle = 0.0
        self._looked = time.monotonic()

    async def look(self) -> None:
        """Once every `pause` seconds."""
        work = self._work()
        behind = await self._behind(work) if work is not None else ""
        now = time.monotonic()
        # at most two pauses: what is above them, this process was stopped, or the broker was slow
        passed = min(now - self._looked, 2 * self.pause)
        self._looked = now
        if work is None or not behind or work.progress != self._progress:
            self._idle = 0.0
        else:
            self._idle += passed
        self._progress = work.progress if work is not None else None
        self._health.idle(self._idle, behind)
        if self._idle > self._bound:
            self._fail(
                StalledError(
                    f"{behind}, and no progress for {self._idle:.0f} s while the broker answers",
                    where="worker",
                    remedy="A restart goes on from the last commit. If it stays, the trace of "
                    "`py-spy dump` before it ends says where it waits.",
                )
            )

    async def _behind(self, work: Work) -> str:
        """What is to be done; empty when nothing is, or when the broker does not answer."""
        if not work.positions:
            return ""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ends = await self._ends.at(list(work.positions))
        except (KafkaError, OSError, TimeoutError):
            return ""
        lag = sum(max(ends[tp] - at, 0) for tp, at in work.positions.items())
        return work.busy or (f"{lag} records behind" if lag else "")
