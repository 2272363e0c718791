"""The trainer: examples in, versions of the model out. Knows neither Kafka nor the clock.

Between the examples come purchases of a sample of the customers, which it keeps for refits.

The model's record holds the position that it has learnt up to, and is written in the transaction
that commits this position. So a crash goes back to a record and a position that belong together:
no label is lost, and none is learnt twice.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from detectors.customer import DAY_SECONDS
from detectors.learning.model import ChurnModel, Label, resume
from schemas import examples, model, proposals, samples
from streams.errors import GapError, StateError
from streams.training.refit import Refit
from streams.training.reservoir import PurchaseReservoir
from streams.training.weights import from_record, record_fields


@dataclass(frozen=True, slots=True)
class Training:
    """What the trainer is told.

    `features` are those that this version of the program computes. With `min_labels` labels of both
    outcomes the model replaces the static score, if it has foretold better. After `publish_labels`
    labels a checkpoint is due.

    `grid_seconds` of event time lie between two moments at which a version can take effect. A
    version does so at the second grid point after its last label, hence one to two steps later:
    a day is far more than readers lag behind each other, and little beside a horizon of months.

    The population's parameters are fitted anew to what lies before each multiple of `refit_days`
    since the epoch, once every partition has told of it; 0: never. A proposal over others than the
    `running` ones says nothing any more: it is made anew at once.
    """

    features: tuple[str, ...]
    min_labels: int
    publish_labels: int
    grid_seconds: float = 86400.0
    refit_days: float = 0.0
    running: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("features is empty; accepted: at least one name")
        for name in ("min_labels", "publish_labels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; accepted: 1 or more")
        if not (math.isfinite(self.grid_seconds) and self.grid_seconds > 0):
            raise ValueError(f"grid_seconds is {self.grid_seconds}; accepted: more than 0")
        if not (math.isfinite(self.refit_days) and self.refit_days >= 0):
            raise ValueError(f"refit_days is {self.refit_days}; accepted: 0 or more")


@dataclass(frozen=True, slots=True)
class Committed:
    """What the last transaction left: the model's newest record, the group's position, and where
    the log of examples starts now. `beside`: the newest of the topic's other records, by key.
    """

    record: bytes | None
    next_offset: int | None
    log_start: int
    beside: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: labels learnt, examples skipped by reason, rises of the error."""

    learnt: int
    skipped: Counter[str]
    drifts: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """To be written as one: the record, what has changed `beside` it, and the position in the
    examples.
    """

    key: bytes
    value: bytes
    next_offset: int
    beside: Mapping[bytes, bytes | None] = field(default_factory=dict)


class Trainer:
    """Learns one partition of examples from where the last transaction left it.

    Afterwards `next_offset` is the offset to read first; `restarted` says why the model had to
    begin again (None: it did not), and `lost` how many offsets the log has dropped unread.

    Raises StateError when record and position contradict each other, or the record is not readable.
    """

    def __init__(self, training: Training, committed: Committed) -> None:
        self._training = training
        self._version: str | None = None
        self._labelled_until: datetime | None = None
        self._model = ChurnModel(training.features)
        self.restarted: str | None = None
        position = committed.next_offset
        if committed.record is not None:
            position = self._restore(committed.record, position)
        elif position:
            raise StateError(
                f"position {position} is committed, but there is no model that has learnt so far",
                where="model",
                remedy="Bring the topic back; or reset the group's offsets of the examples to the "
                "earliest, and the model begins again.",
            )
        self.next_offset = committed.log_start if position is None else position
        self.lost = max(0, committed.log_start - self.next_offset)
        self.next_offset += self.lost
        self.purchases, self.proposal = _restored(committed.beside)
        self._proposed = self._erased = False
        self._refitted_until = -math.inf
        if self.proposal is not None and self.proposal.running == training.running:
            self._refitted_until = self.proposal.until.timestamp()
        self._published_labels = self._model.labels
        self._news = False  # examples since the last checkpoint; control records are none

    @property
    def model(self) -> ChurnModel:
        """The model as it is now, for its figures."""
        return self._model

    @property
    def due(self) -> bool:
        """Whether enough labels were learnt since the last checkpoint."""
        return self._model.labels - self._published_labels >= self._training.publish_labels

    @property
    def fresh(self) -> bool:
        """Whether a checkpoint would say more than what is kept: labels, a proposal, an erasure."""
        return self._proposed or self._erased or self._model.labels > self._published_labels

    def take(self, values: list[bytes], first: int, after: int) -> Taken:
        """Learn the examples of the fetch positions [first, after).

        What lies before `next_offset` was learnt already and is dropped. Raises GapError when
        positions are missing, and when a batch begins before `next_offset` and ends beyond it.
        An example that cannot be learnt (not readable, another version's features, a number that
        is not finite) is skipped and counted: it must not stand in the way of the others.
        """
        if after <= self.next_offset:
            return Taken(0, Counter(), 0)
        if first != self.next_offset:
            raise GapError(
                f"examples {first} to {after} came, and {self.next_offset} was expected",
                where="examples",
                remedy="The restart goes on from the last commit.",
            )
        skipped: Counter[str] = Counter()
        labels: list[Label] = []
        until: list[datetime] = []
        for value in values:
            try:
                if samples.is_sample(value):
                    sample = samples.decode_sample(value)
                    self.purchases.take(sample)
                    self._erased = self._erased or bool(sample.erased)
                    continue
                example = examples.decode(value)
                labels.append(
                    self._model.label(example.features, example.outcome, example.static_logit)
                )
                until.append(example.label_time)
            except (msgspec.DecodeError, ValueError) as error:
                skipped[str(error)] += 1
        drifts = self._model.learn_all(labels)
        known = [] if self._labelled_until is None else [self._labelled_until]
        self._labelled_until = max(known + until, default=None)
        self.next_offset = after
        self._news = self._news or bool(values)
        return Taken(len(labels), skipped, drifts)

    def begin_refit(self) -> Refit | None:
        """What to fit to, if a refit is due; each is given once, and done or not."""
        step, known = self._training.refit_days * DAY_SECONDS, self.purchases.known_until
        if step == 0.0 or known is None or self._labelled_until is None:
            return None  # before the first label nothing is published
        until = step * math.floor(known / step)
        if until <= self._refitted_until:
            return None
        self._refitted_until = until
        number = 1 + (self.proposal.number if self.proposal else 0)
        return Refit(number, until, *self.purchases.histories(until))

    def propose(self, proposal: proposals.Proposal) -> None:
        """Publish it with the next checkpoint."""
        self.proposal = proposal
        self._proposed = self._news = True

    def checkpoint(self) -> Checkpoint | None:
        """The model and its position, to be written in one transaction; None without news.

        The caller ends the process if the transaction fails, so what is given counts as written.
        """
        if self._labelled_until is None or not self._news:
            return None
        self._news = self._erased = False
        grid = self._training.grid_seconds
        point = math.floor(self._labelled_until.timestamp() / grid) + 2
        weights = self._model.to_weights()
        record = model.Model(
            version="",
            parent=self._version,
            effective_from=datetime.fromtimestamp(point * grid, UTC),
            ready=weights.ready(self._training.min_labels),
            next_offset=self.next_offset,
            labelled_until=self._labelled_until,
            **record_fields(weights),
        )
        self._version = model.digest(record)
        record = msgspec.structs.replace(record, version=self._version)
        self._published_labels = self._model.labels
        return Checkpoint(
            model.key(point), msgspec.json.encode(record), self.next_offset, self._beside()
        )

    def _beside(self) -> dict[bytes, bytes | None]:
        beside = dict(self.purchases.changes())
        if self._proposed:
            self._proposed = False
            beside[proposals.KEY] = msgspec.json.encode(self.proposal)
        return beside

    def _restore(self, value: bytes, committed: int | None) -> int:
        """Take up the record; returns its position, which also outlives the group's own.

        Brokers forget the offsets of a group that has been away for a week; the record knows.
        """
        try:
            record = model.decode(value)
            resumed = resume(from_record(record), self._training.features)
        except (msgspec.DecodeError, ValueError) as error:
            raise StateError(
                f"the newest model is not readable: {error}",
                where="model",
                remedy="If a newer version of offbeat wrote it, run that one; else delete the "
                "topic's records, and the model begins again.",
            ) from error
        if committed is not None and committed != record.next_offset:
            raise StateError(
                f"the model has learnt up to {record.next_offset}, and {committed} is committed",
                where="examples",
                remedy="Something else moved the group's offsets: set them to "
                f"{record.next_offset} again.",
            )
        self._model, self.restarted = resumed
        self._version = record.version
        self._labelled_until = record.labelled_until
        return record.next_offset


def _restored(
    beside: Mapping[bytes, bytes],
) -> tuple[PurchaseReservoir, proposals.Proposal | None]:
    """The sample of purchases and the newest proposal. Raises StateError."""
    try:
        value = beside.get(proposals.KEY)
        proposal = None if value is None else proposals.decode(value)
        return PurchaseReservoir.restored(beside), proposal
    except msgspec.DecodeError as error:
        raise StateError(
            f"what is kept for refits is not readable: {error}",
            where="model",
            remedy="If a newer version of offbeat wrote it, run that one; else delete the "
            "topic's records, and the model begins again.",
        ) from error
