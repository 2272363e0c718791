"""The trainer under Faust: it learns on the worker that has the examples' only partition."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from faust.types.tuples import TP

from detectors.learning.names import FEATURES
from schemas.topics import OutputTopics
from streams.kafka.columns import VALUE_END, VALUE_START, Fetched
from streams.kafka.connection import client_options
from streams.ops import logs
from streams.ops.metrics import Metrics
from streams.settings import Settings, detector_profile
from streams.training.checkpoint import TrainerCheckpoints
from streams.training.refit import fitted
from streams.training.refits import Refits
from streams.training.trainer import Trainer, Training

# A version is published when enough labels have come, or when some have and this has passed.
PATIENCE_SECONDS = 30.0
# Where all that has come is for refits: what a restart would read again.
LONG_PATIENCE_SECONDS = 3600.0

log = logs.logger(__name__)


class ExamplesLearner:
    """Takes fetches of the examples while their partition is here.

    Anything unexpected ends the process.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics, fail: Callable[[BaseException], NoReturn]
    ) -> None:
        outputs = OutputTopics(settings.topics.prefix)
        self._partition = TP(outputs.examples, 0)
        self._model_topic = outputs.model
        self._group = settings.group
        self._options = client_options(settings)
        profile = detector_profile(settings)
        self._training = Training(
            FEATURES,
            settings.model.min_labels,
            settings.model.publish_labels,
            refit_days=settings.model.refit_days,
            running=fitted(profile),
        )
        self._refits = Refits(profile)
        self._metrics = metrics
        self._fail = fail
        self._trainer: Trainer | None = None
        self._checkpoints: TrainerCheckpoints | None = None
        self._published_at = time.monotonic()
        self._saving = asyncio.Lock()
        self._ended = False

    async def rebalance(self, gone: set[TP], new: set[TP]) -> None:
        """Give the trainer up, or become it; nothing any more after the end."""
        try:
            async with self._saving:
                if self._partition in gone | new:
                    await self._let_go()
                if self._partition in new and not self._ended:
                    await self._begin()
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)

    async def _let_go(self) -> None:
        await self._refits.stop()
        self._metrics.log_loss.clear()  # whoever trains now says it
        checkpoints, self._checkpoints, self._trainer = self._checkpoints, None, None
        if checkpoints is not None:
            await checkpoints.stop()

    async def _begin(self) -> None:
        checkpoints = TrainerCheckpoints(
            self._options,
            self._group,
            examples_topic=self._partition.topic,
            model_topic=self._model_topic,
        )
        trainer = Trainer(self._training, await checkpoints.start())
        if trainer.restarted or trainer.lost:
            log.warning(logs.TRAINER_RESTARTED, restarted=trainer.restarted, lost=trainer.lost)
        self._checkpoints, self._trainer = checkpoints, trainer
        self._show_loss(trainer)

    async def take(self, fetches: Sequence[Fetched]) -> None:
        """Learn the examples of one message."""
        trainer = self._trainer
        if trainer is None:
            return
        try:
            for fetched in fetches:
                overlaps = fetched.first < trainer.next_offset < fetched.after
                new = fetched.from_position(trainer.next_offset) if overlaps else fetched
                taken = trainer.take(_values(new), new.first, new.after)
                self._metrics.labels.inc(taken.learnt)
                if taken.drifts:
                    log.warning(logs.MODEL_DRIFTED, labels=trainer.model.labels)
                if taken.skipped:
                    log.warning(logs.EXAMPLES_SKIPPED, reasons=dict(taken.skipped))
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)
        self._show_loss(trainer)

    def _show_loss(self, trainer: Trainer) -> None:
        self._metrics.model_labels.set(trainer.model.labels)
        if trainer.model.labels:
            self._metrics.log_loss.labels("model").set(trainer.model.log_loss)
            self._metrics.log_loss.labels("static").set(trainer.model.static_log_loss)

    async def checkpoint(self) -> None:
        """Publish a version when it is due; begin a refit when one is, and fetch what it found."""
        trainer = self._trainer
        if trainer is None:
            return
        try:
            self._refits.look(trainer)
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)
        patience = PATIENCE_SECONDS if trainer.fresh else LONG_PATIENCE_SECONDS
        if trainer.due or time.monotonic() - self._published_at >= patience:
            await self.last_checkpoint()

    async def last_checkpoint(self) -> None:
        """Publish what was learnt since the last version, if anything was."""
        try:
            async with self._saving:
                if self._trainer is None or self._checkpoints is None:
                    return
                checkpoint = self._trainer.checkpoint()
                self._published_at = time.monotonic()
                if checkpoint is not None:
                    await self._checkpoints.commit(checkpoint, int(time.time() * 1000))
                    log.info(logs.MODEL_PUBLISHED, labels=self._trainer.model.labels)
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)

    async def stop(self) -> None:
        """Publish, then let go."""
        await self.last_checkpoint()
        async with self._saving:
            self._ended = True
            await self._let_go()


def _values(fetched: Fetched) -> list[bytes]:
    spans = fetched.columns[:, [VALUE_START, VALUE_END]].tolist()
    return [fetched.data[start:end] for start, end in spans if end >= 0]
