"""Where a test may strike this process around a transaction. Nothing happens unless it is told to.

    OFFBEAT_FAULT_POINT=after_offsets:3          SIGKILL, when a transaction comes there for the
                                                 third time in this process
    OFFBEAT_FAULT_POINT=amid_commit:1:stop:4     SIGSTOP, 4 ms after the commit was asked for
    OFFBEAT_FAULT_POINT=amid_sends:2:fail        KafkaError, as if the broker had refused a produce
    OFFBEAT_FAULT_POINT=fetch:5:hang             what comes then is never handed on, for ever

Without the variable a point costs a function call, twice a second and partition. `make faults`
strikes at each of them.
"""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeVar

from aiokafka.errors import KafkaError

from streams.errors import ConfigurationError

VARIABLE = "OFFBEAT_FAULT_POINT"

T = TypeVar("T")


class Point(StrEnum):
    """Moments of a transaction, in their order, and of a fetch."""

    BEFORE_BEGIN = "before_begin"
    AMID_SENDS = "amid_sends"  # records are on their way
    BEFORE_OFFSETS = "before_offsets"  # all records are in the log
    AFTER_OFFSETS = "after_offsets"
    AMID_COMMIT = "amid_commit"  # the commit was asked for, no answer is here yet
    AFTER_COMMIT = "after_commit"
    FETCH = "fetch"  # records are asked for


TRANSACTION = tuple(point for point in Point if point is not Point.FETCH)
# What takes time there can hang.
_LONG = (Point.AMID_SENDS, Point.AMID_COMMIT, Point.FETCH)


class Action(StrEnum):
    """What happens there."""

    KILL = "kill"
    STOP = "stop"
    FAIL = "fail"
    HANG = "hang"


@dataclass(slots=True)
class Strike:
    """One action, the `number`-th time (1 is the first) that `point` is reached.

    `delay` counts, in seconds, from the moment when work that takes time has begun.
    """

    point: Point
    number: int
    action: Action = Action.KILL
    delay: float = 0.0
    _seen: int = 0

    def is_due(self, point: Point) -> bool:
        """Count a visit; whether it is the one."""
        if point is not self.point:
            return False
        self._seen += 1
        return self._seen == self.number

    def happen(self) -> None:
        """Do it.

        Raises:
            KafkaError: the action is to fail.
        """
        if self.action is Action.FAIL:
            raise KafkaError(f"{VARIABLE} asked for a failure at {self.point}")
        number = signal.SIGKILL if self.action is Action.KILL else signal.SIGSTOP
        os.kill(os.getpid(), number)


def parse(text: str) -> Strike:
    """POINT:N[:ACTION[:MILLISECONDS]], as above.

    Raises:
        ConfigurationError: it is not of this form.
    """
    form = re.fullmatch(r"([a-z_]+):([1-9]\d*)(?::([a-z]+))?(?::(\d+(?:\.\d+)?))?", text)
    if form and form[1] in list(Point) and (form[3] or Action.KILL) in list(Action):
        point, action = Point(form[1]), Action(form[3] or Action.KILL)
        if action is not Action.HANG or point in _LONG:
            return Strike(point, int(form[2]), action, float(form[4] or 0) / 1000.0)
    raise ConfigurationError(
        f"{text!r} is no fault point",
        where=VARIABLE,
        remedy=f"Unset it: it is for tests. Accepted: POINT:N[:ACTION[:MILLISECONDS]] with one of "
        f"{', '.join(Point)}, a number from 1 on, and one of {', '.join(Action)}; only "
        f"{', '.join(_LONG)} can hang.",
    )


@cache
def _planned() -> Strike | None:
    text = os.environ.get(VARIABLE)
    return parse(text) if text else None


def reach(point: Point) -> None:
    """A transaction is at this point."""
    strike = _planned()
    if strike is not None and strike.is_due(point):
        strike.happen()


async def reach_amid(point: Point, work: Awaitable[T]) -> T:
    """Await `work`; the point is reached while it is on its way."""
    strike = _planned()
    if strike is not None and strike.is_due(point):
        task = asyncio.ensure_future(work)
        await asyncio.wait([task], timeout=strike.delay)
        if strike.action is Action.HANG:
            await asyncio.Event().wait()
        strike.happen()
        return await task
    return await work
