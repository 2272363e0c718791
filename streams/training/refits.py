"""Refits beside the loop: one at a time, in a thread, and nobody waits for it."""

import asyncio
import threading
import time

from detectors.profile import Profile
from schemas.proposals import Proposal
from streams.ops import logs
from streams.training.refit import Refit, proposal
from streams.training.trainer import Trainer

# A refit may take minutes, and in a replay one is always due: at most a twentieth of a core.
REST = 19.0

log = logs.logger(__name__)


class GivenUpError(Exception):
    """The trainer goes elsewhere, or the process ends."""


class Refits:
    """Of the profile that runs. A refit that fails is said and left: nothing depends on it."""

    def __init__(self, running: Profile) -> None:
        self._running = running
        self._task: asyncio.Task[Proposal] | None = None
        self._given_up = threading.Event()
        self._started_at = 0.0
        self._rests_until = 0.0

    def look(self, trainer: Trainer) -> None:
        """Hand over what was found since the last call, or begin what is due by now."""
        now = time.monotonic()
        if self._task is not None:
            if self._task.done():
                self._rests_until = now + REST * (now - self._started_at)
                self._hand_over(self._task, trainer)
                self._task = None
        elif now >= self._rests_until and (refit := trainer.begin_refit()) is not None:
            self._started_at = now
            self._given_up.clear()
            self._task = asyncio.create_task(asyncio.to_thread(self._fit, refit), name="refit")

    async def stop(self) -> None:
        """End a refit that is under way: it notices between two steps, some 20 ms apart."""
        if self._task is not None:
            self._given_up.set()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _fit(self, refit: Refit) -> Proposal:
        return proposal(refit, self._running, self._going_on)

    def _going_on(self) -> None:
        if self._given_up.is_set():
            raise GivenUpError

    def _hand_over(self, task: asyncio.Task[Proposal], trainer: Trainer) -> None:
        error = task.exception()
        if error is not None:
            known = isinstance(error, ValueError)
            log.warning(logs.REFIT_FAILED, reason=str(error), exc_info=None if known else error)
            return
        found = task.result()
        trainer.propose(found)
        log.info(
            logs.PARAMETERS_PROPOSED,
            number=found.number,
            gaps=found.gaps,
            gain=round(found.gain, 4),
        )
