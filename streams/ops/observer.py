"""What the worker tells its metrics and its health.

One place for both, fed by partitions and checkpoints.
"""

import time
from collections.abc import Iterable, Mapping

import numpy as np

from detectors.judgement.episodes import Severity, Status
from detectors.observations import Input
from streams.ops.health import Health
from streams.ops.metrics import APPLIED, DEAD_LETTER, DUPLICATE, OUT_OF_ORDER, Metrics
from streams.partition.life import PartitionLife, Snapshot
from streams.settings import Settings


class Observer:
    """Gathers figures; decides nothing."""

    def __init__(self, settings: Settings, metrics: Metrics, health: Health) -> None:
        self._names = settings.topics.inputs
        self._metrics = metrics
        self._health = health
        self._assigned_at: dict[int, float] = {}
        self._counted: dict[int, dict[str, list[int]]] = {}

    def assigned(self, partitions: Iterable[int], gone: Iterable[int]) -> None:
        """A rebalance is over."""
        now = time.monotonic()
        owned = set(partitions)
        for number in gone:
            self._metrics.forget(number)
            self._counted.pop(number, None)
        self._assigned_at = {n: self._assigned_at.get(n, now) for n in owned}
        self._metrics.rebalances.inc()
        self._health.assigned(owned)

    def recovered(self, life: PartitionLife) -> None:
        """A partition's state is whole."""
        self._counted[life.number] = _counts(life)
        self._metrics.recovery.observe(time.monotonic() - self._assigned_at[life.number])
        self._health.recovered(life.number)

    def took(self, source: Input, reasons: Iterable[str], seconds: float) -> None:
        """One message of an input was applied, with these dead letters in it."""
        topic = self._names[source]
        self._metrics.batch.observe(seconds)
        for reason in reasons:
            self._metrics.dead_letters.labels(topic, reason).inc()
            self._metrics.events.labels(topic, DEAD_LETTER).inc()

    def committed(self, snapshot: Snapshot, seconds: float) -> None:
        """A transaction is through, and everybody can see its alerts."""
        self._metrics.checkpoint.observe(seconds)
        wall = time.time()
        for decisions in snapshot.decisions:
            self._metrics.examples.inc(len(decisions.examples))
            for record in decisions.records:
                status, severity = Status(record["status"]), Severity(record["severity"])
                self._metrics.alerts.labels(status.name.lower(), severity.name.lower()).inc()
                if status is Status.OPENED:
                    self._metrics.deadline_to_alert.observe(max(wall - record["time"], 0.0))

    def looked(
        self, lives: Iterable[PartitionLife], ends: Mapping[tuple[Input, int], int | None]
    ) -> None:
        """Once a tick: gauges of each partition, and whether the worker gets on."""
        wall = time.time()
        position, lags = 0, dict.fromkeys(Input, 0)
        for life in lives:
            self._gauges(life, wall)
            self._count(life)
            for source in Input:
                at = life.position(source)
                position += at
                lags[source] += max((ends[source, life.number] or at) - at, 0)
        for source, lag in lags.items():
            self._metrics.consumer_lag.labels(self._names[source]).set(lag)
        self._health.observed(position, sum(lags.values()), time.monotonic())

    def _gauges(self, life: PartitionLife, wall: float) -> None:
        partition = str(life.number)
        metrics, timeline = self._metrics, life.timeline
        if np.isfinite(timeline.watermark):
            metrics.watermark.labels(partition).set(timeline.watermark)
            metrics.watermark_lag.labels(partition).set(wall - timeline.watermark)
        metrics.waiting.labels(partition).set(sum(map(timeline.waiting_bytes, Input)))
        metrics.customers.labels(partition).set(life.state.size)
        metrics.state_bytes.labels(partition).set(life.state.nbytes)
        metrics.open_episodes.labels(partition).set(_open_episodes(life))

    def _count(self, life: PartitionLife) -> None:
        before, now = self._counted[life.number], _counts(life)
        for outcome, counts in now.items():
            for source, n, seen in zip(Input, counts, before[outcome], strict=True):
                self._metrics.events.labels(self._names[source], outcome).inc(n - seen)
        self._counted[life.number] = now


def _counts(life: PartitionLife) -> dict[str, list[int]]:
    """By outcome, the partition's events of each input so far; every event has one outcome."""
    population = life.state.population[0]
    out_of_order = population["out_of_order"]
    return {
        APPLIED: (population["applied"] - out_of_order).tolist(),
        DUPLICATE: population["duplicates"].tolist(),
        OUT_OF_ORDER: out_of_order.tolist(),
    }


def _open_episodes(life: PartitionLife) -> int:
    said = life.state.population["decisions"][0]
    return int(said[Status.OPENED] - said[Status.RESOLVED] - said[Status.EXPIRED])
