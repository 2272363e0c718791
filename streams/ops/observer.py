"""What the worker tells its metrics and its health.

One place for both, fed by partitions and checkpoints.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum

import numpy as np
import prometheus_client
from numpy.typing import NDArray

from detectors.customer import Cause, Hold, Segment
from detectors.judgement.episodes import Severity, Status
from detectors.observations import Input
from schemas.dead_letters import RejectReason
from schemas.instants import rfc3339
from schemas.model import Model
from schemas.proposals import Proposal
from streams.ops import logs
from streams.ops.churn import Churn
from streams.ops.health import Health
from streams.ops.metrics import (
    APPLIED,
    DEAD_LETTER,
    DUPLICATE,
    OUT_OF_ORDER,
    REROUTED,
    Metrics,
)
from streams.partition.customers import CustomersTaken
from streams.partition.life import COLLAPSED, PLANNED, PartitionLife, Snapshot, Taken
from streams.settings import Settings

_HELD_BACK = "held_back"
_TRANSITIONS = "transitions"
_CHURN = "churn"
_SILENCE = int(Cause.PURCHASE_SILENCE | Cause.VISIT_SILENCE)

log = logs.logger(__name__)


class Observer:
    """Gathers figures; decides nothing."""

    def __init__(self, settings: Settings, metrics: Metrics, health: Health) -> None:
        self._names = settings.topics.inputs
        self._metrics = metrics
        self._health = health
        self._assigned_at: dict[int, float] = {}
        self._model_version: str | None = None
        self._counted: dict[int, dict[str, NDArray[np.int64]]] = {}
        self._out: dict[int, dict[Input, tuple[str, float]]] = {}
        self._alerts: dict[tuple[int, int], prometheus_client.Counter] = {}
        self._churn = Churn(metrics, settings.calendar.time_zone)
        # from the start: of a counter that is new with its first letters no rate is known
        for topic in settings.topics.sources:
            for reason in RejectReason:
                metrics.dead_letters.labels(topic, reason)

    def assigned(self, partitions: Iterable[int], gone: Collection[int]) -> None:
        """A rebalance is over."""
        now = time.monotonic()
        owned = set(partitions)
        for number in gone:
            self._metrics.forget(number)
            self._counted.pop(number, None)
            self._out.pop(number, None)
        self._assigned_at = {n: self._assigned_at.get(n, now) for n in owned}
        self._metrics.rebalances.inc()
        self._metrics.recovering.set(len(owned - self._counted.keys()))
        self._churn.assigned(owned)
        self._health.assigned(owned)
        log.info(logs.PARTITIONS_ASSIGNED, partitions=sorted(owned), gone=sorted(gone))

    def restored(self, records: int) -> None:
        """So many records of the changelog were read back."""
        self._metrics.restored.inc(records)

    def recovered(self, life: PartitionLife) -> None:
        """A partition's state is whole."""
        self._counted[life.number] = _counts(life)
        self._out[life.number] = life.out()
        self._churn.recovered(life.number)
        self._metrics.recovering.set(len(self._assigned_at.keys() - self._counted.keys()))
        seconds = time.monotonic() - self._assigned_at[life.number]
        self._metrics.recovery.observe(seconds)
        self._health.recovered(life.number)
        log.info(
            logs.PARTITION_RECOVERED,
            partition=life.number,
            customers=life.state.size,
            seconds=round(seconds, 3),
        )

    def took(self, source: Input, taken: Taken) -> None:
        """One fetch of an input was read."""
        topic = self._names[source]
        self._metrics.late_events.labels(topic).inc(taken.late)
        self._metrics.unknown_fields.labels(topic).inc(taken.unknown_fields)
        self._metrics.events.labels(topic, REROUTED).inc(taken.rerouted + taken.copies)
        for letter in taken.dead_letters:
            self._metrics.dead_letters.labels(topic, letter.reason).inc()
            self._metrics.events.labels(topic, DEAD_LETTER).inc()
        if taken.dead_letters:
            reasons = Counter(str(letter.reason) for letter in taken.dead_letters)
            log.warning(logs.DEAD_LETTERS_FOUND, topic=topic, **reasons)
        if taken.rerouted:
            log.warning(logs.EVENTS_REROUTED, topic=topic, events=taken.rerouted)

    def took_customers(self, taken: CustomersTaken | None) -> None:
        """One fetch of the customers' topic was read."""
        if taken is None:
            return
        for letter in taken.dead_letters:
            self._metrics.dead_letters.labels(taken.topic, letter.reason).inc()
        if taken.dead_letters:
            reasons = Counter(str(letter.reason) for letter in taken.dead_letters)
            log.warning(logs.DEAD_LETTERS_FOUND, topic=taken.topic, **reasons)
        if taken.reroutes:
            log.warning(logs.EVENTS_REROUTED, topic=taken.topic, events=len(taken.reroutes))

    def applied(self, seconds: float) -> None:
        """One message, of one fetch or several, was read and applied."""
        self._metrics.batch.observe(seconds)

    def committed(self, snapshot: Snapshot, seconds: float) -> None:
        """A transaction is through, and everybody can see its alerts."""
        self._metrics.checkpoint.observe(seconds)
        if snapshot.customers is not None and snapshot.customers.erased:
            erased = len(snapshot.customers.erased)
            self._metrics.erasures.inc(erased)
            log.info(logs.CUSTOMERS_ERASED, customers=erased)
        if snapshot.decisions:
            self._metrics.examples.inc(sum(len(one.examples) for one in snapshot.decisions))
            self._said([one.records for one in snapshot.decisions], time.time())
            self._churn.decided(snapshot.decisions)

    def _said(self, published: list[NDArray[np.void]], wall: float) -> None:
        """What was decided is on the wire."""
        status, severity, causes, times = (
            np.concatenate([records[name] for records in published])
            for name in ("status", "severity", "causes", "time")
        )
        said = Counter(zip(status.tolist(), severity.tolist(), strict=True))
        for what, n in said.items():
            self._alerts_as(*what).inc(n)
        delays = np.maximum(wall - times, 0.0)
        opened = status == int(Status.OPENED)
        by_silence = opened & (causes & _SILENCE != 0)
        by_event = opened & ~by_silence | (status == int(Status.RESOLVED))
        self._metrics.deadline_to_alert.observe_all(delays[by_silence])
        self._metrics.event_to_alert.observe_all(delays[by_event])

    def _alerts_as(self, status: int, severity: int) -> prometheus_client.Counter:
        """Made when it is first counted, so that nothing is served that never was."""
        counter = self._alerts.get((status, severity))
        if counter is None:
            names = _word(Status(status)), _word(Severity(severity))
            counter = self._alerts[status, severity] = self._metrics.alerts.labels(*names)
        return counter

    def knows(self, newest: Model | None, proposal: Proposal | None) -> None:
        """The newest version of the model, in effect or not, and what is proposed beside it."""
        if proposal is not None:
            self._metrics.proposals.set(proposal.number)
            self._metrics.proposal_gain.set(proposal.gain)
            self._metrics.proposal_until.set(proposal.until.timestamp())
        if newest is not None and newest.version != self._model_version:
            self._model_version = newest.version
            self._metrics.model.info({"version": newest.version})
            log.info(logs.MODEL_ADOPTED, version=newest.version, labels=newest.labels)

    def looked(
        self, lives: Collection[PartitionLife], ends: Mapping[tuple[Input, int], int | None]
    ) -> None:
        """Once a tick: gauges of each partition, and whether the worker gets on."""
        wall = time.time()
        position, lags = 0, dict.fromkeys(Input, 0)
        shares = dict.fromkeys(Input, 0.0)
        for life in lives:
            self._gauges(life, wall)
            self._count(life)
            self._sources(life)
            for source in Input:
                at = life.position(source)
                position += at
                shares[source] = max(shares[source], life.dead_letter_share(source))
                lags[source] += max((ends[source, life.number] or at) - at, 0)
        for source, lag in lags.items():
            self._metrics.consumer_lag.labels(self._names[source]).set(lag)
            self._metrics.dead_letter_share.labels(self._names[source]).set(shares[source])
        self._churn.looked(lives)
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
        moved = _transitions(life)
        for segment, n in zip(Segment, moved.sum(axis=0) - moved.sum(axis=1), strict=True):
            if segment is not Segment.UNSEEN:
                metrics.segment_customers.labels(partition, _word(segment)).set(int(n))

    def _sources(self, life: PartitionLife) -> None:
        """Which inputs are out, and one line when that changes."""
        before, now = self._out[life.number], life.out()
        self._out[life.number] = now
        partition = str(life.number)
        for source in Input:
            topic, (reason, since) = self._names[source], now.get(source, ("", 0.0))
            for one in (COLLAPSED, PLANNED):
                self._metrics.source_outage.labels(topic, partition, one).set(reason == one)
            if (source in now) == (source in before):
                continue
            fields = {"topic": topic, "partition": life.number}
            if source in now:
                log.warning(logs.SOURCE_OUT, **fields, reason=reason, since=rfc3339(since))
            else:
                reason, since = before[source]
                until = life.state.outages(source)[-1][1]
                times = {"since": rfc3339(since), "until": rfc3339(until)}
                log.warning(logs.SOURCE_BACK, **fields, reason=reason, **times)

    def _count(self, life: PartitionLife) -> None:
        before, now = self._counted[life.number], _counts(life)
        self._counted[life.number] = now
        grown = {name: counts - before[name] for name, counts in now.items()}
        for outcome in (APPLIED, DUPLICATE, OUT_OF_ORDER):
            for source, n in zip(Input, grown[outcome].tolist(), strict=True):
                self._metrics.events.labels(self._names[source], outcome).inc(n)
        for hold, n in zip(Hold, grown[_HELD_BACK].tolist(), strict=True):
            if hold is not Hold.NONE:
                self._metrics.held_back.labels(_word(hold)).inc(n)
        for one, other in np.argwhere(grown[_TRANSITIONS]).tolist():
            words = _word(Segment(one)), _word(Segment(other))
            n = int(grown[_TRANSITIONS][one, other])
            self._metrics.segment_transitions.labels(*words).inc(n)
        churned, seconds, reactivated = grown[_CHURN].tolist()
        self._metrics.churned.inc(churned)
        self._metrics.churned_lifetime.inc(seconds)
        self._metrics.reactivated.inc(reactivated)


def _counts(life: PartitionLife) -> dict[str, NDArray[np.int64]]:
    """What the partition has counted so far; of its events, each has one outcome."""
    population = life.state.population[0]
    out_of_order = population["out_of_order"]
    return {
        APPLIED: population["applied"] - out_of_order,
        DUPLICATE: population["duplicates"].copy(),
        OUT_OF_ORDER: out_of_order.copy(),
        _HELD_BACK: population["held_back"].copy(),
        _TRANSITIONS: _transitions(life).copy(),
        _CHURN: np.array([population[f] for f in ("churned", "churned_seconds", "reactivated")]),
    }


def _transitions(life: PartitionLife) -> NDArray[np.int64]:
    """How many customers went from a segment to another: [from, to]."""
    transitions: NDArray[np.int64] = life.state.population["transitions"][0]
    return transitions.reshape(len(Segment), len(Segment))


def _word(member: IntEnum) -> str:
    return member.name.lower()


def _open_episodes(life: PartitionLife) -> int:
    population = life.state.population[0]
    said, erased = population["decisions"], population["erased_open"]
    return int(said[Status.OPENED] - said[Status.RESOLVED] - said[Status.EXPIRED] - erased)
