"""Refits beside the loop: one at a time, in a thread, and nobody waits for it."""

import asyncio
import threading
import time

from detectors.profile import Profile
from schemas.proposals import Proposal
from streams.ops import logs
from streams.training.refit import Refit, proposal
from streams.training.trainer import Trainer

# After each step a fit sleeps for so many times as long as that took: a twentieth of a core. In a
# replay one is always due, and the events are not to wait for it.
REST = 19.0

log = logs.logger(__name__)


class GivenUpError(Exception):
    """The trainer goes elsewhere, or the process ends."""


class Refits:
    """Of the profile that runs. A refit that fails is said and left: nothing depends on it."""

    def __init__(self, running: Profile, rest: float = REST) -> None:
        self._running = running
        self._rest = rest
        self._task: asyncio.Task[Proposal] | None = None
        self._given_up = threading.Event()

    def look(self, trainer: Trainer) -> None:
        """Hand over what was found since the last call, or begin what is due by now."""
        if self._task is not None:
            if self._task.done():
                self._hand_over(self._task, trainer)
                self._task = None
        elif (refit := trainer.begin_refit()) is not None:
            self._given_up.clear()
            self._task = asyncio.create_task(asyncio.to_thread(self._fit, refit), name="refit")

    async def stop(self) -> None:
        """End a refit that is under way: it notices at its next rest, some 20 ms of work away."""
        if self._task is not None:
            self._given_up.set()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _fit(self, refit: Refit) -> Proposal:
        worked_until = time.thread_time()

        def rest() -> None:
            nonlocal worked_until
            if self._given_up.wait(self._rest * (time.thread_time() - worked_until)):
                raise GivenUpError
            worked_until = time.thread_time()

        return proposal(refit, self._running, rest)

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
