"""The model as workers see it: which version scores at a given event time.

A version supplies score and contributions of an alert, and nothing else. When an episode opens,
changes or closes, its id and its sequence follow from the customer's own events alone; so a worker
that hears of a version late can give an older score, and never another alert.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from detectors.learning.scorer import Scorer
from schemas import model, proposals
from streams.ops import logs
from streams.training.topic import is_version, poll, read_to_end, reader
from streams.training.weights import from_record

log = logs.logger(__name__)


class Versions:
    """The newest version for each of the last few moments at which one takes effect.

    Pure: `put` takes records in the order of the log, `at` answers.
    """

    def __init__(self, features: tuple[str, ...]) -> None:
        self._features = features
        self._static = Scorer()
        self._by_time: dict[float, Scorer] = {}
        self._times: list[float] = []  # sorted
        self.newest: model.Model | None = None

    def put(self, value: bytes) -> None:
        """Take a record. Raises ValueError if it is not readable; earlier versions then stay."""
        try:
            record = model.decode(value)
            weights = from_record(record)
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from error
        scorer = self._static
        if record.ready and set(weights.names) == set(self._features):
            scorer = Scorer(weights.arranged(self._features), record.version)
        self._by_time[record.effective_from.timestamp()] = scorer
        self.newest = record
        for old in sorted(self._by_time)[: -model.VERSIONS]:
            del self._by_time[old]
        self._times = sorted(self._by_time)

    def at(self, event_time: float) -> Scorer:
        """The version in effect at `event_time`, seconds since the epoch; before any, the static.

        Likewise static: a version in effect that is not ready, or has other features than ours.
        """
        begun = bisect_right(self._times, event_time)
        return self._by_time[self._times[begun - 1]] if begun else self._static


class ModelFeed:
    """Keeps `Versions` up with the model topic.

    `options` are those of any aiokafka client, `features` those that this worker computes, in its
    order. `fail` is told when following ends by an error, and ends the process. `proposal` is the
    newest one, for its figures; nothing is decided by it.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        topic: str,
        features: tuple[str, ...],
        fail: Callable[[BaseException], object],
    ) -> None:
        self._options = options
        self._topic = topic
        self._fail = fail
        self._versions = Versions(features)
        self.proposal: proposals.Proposal | None = None
        self._open = AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    @property
    def newest(self) -> model.Model | None:
        """The newest readable version, in effect or not, for the model's figures."""
        return self._versions.newest

    def scorer_at(self, event_time: float) -> Scorer:
        """See `Versions.at`."""
        return self._versions.at(event_time)

    async def start(self) -> None:
        """Returns when every version that was committed before is known; then follows."""
        consumer = await self._open.enter_async_context(reader(self._options))
        self._put(await read_to_end(consumer, self._topic))
        self._task = asyncio.create_task(self._follow(consumer), name="model-feed")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End following; the versions known stay."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._open.aclose()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            self._put(await poll(consumer))

    def _put(self, records: Iterable[ConsumerRecord[bytes, bytes]]) -> None:
        for record in records:
            if record.value is None:
                continue  # of what the trainer keeps beside the versions
            try:
                if is_version(record.key):
                    self._versions.put(record.value)
                elif record.key == proposals.KEY:
                    self.proposal = proposals.decode(record.value)
            except (msgspec.DecodeError, ValueError) as error:
                log.warning(logs.MODEL_REJECTED, offset=record.offset, reason=str(error))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
