"""A snapshot as records: alerts, who is at risk, examples, dead letters and the state itself."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from detectors.engine import Decisions
from detectors.learning.names import FEATURES
from detectors.learning.scorer import Scorer
from detectors.observations import Input
from detectors.records import joined
from schemas import examples
from schemas.alerts import OPEN, encode_all
from schemas.changelog import PARTITION_KEY
from schemas.dead_letters import DeadLetter, dead_letter_record
from schemas.reroutes import Reroute
from schemas.topics import OutputTopics, dead_letter_topic
from streams.alerts import AlertBuilder
from streams.kafka.producer import Message, Outgoing
from streams.partition.life import PartitionLife, Snapshot
from streams.partition.traces import TRACEPARENT, Parents
from streams.settings import Settings


class Publisher:
    """What one transaction writes, topic by topic.

    Args:
        scorer_at: the version of the model that scores a decision of that event time.
    """

    def __init__(self, settings: Settings, scorer_at: Callable[[float], Scorer]) -> None:
        self._inputs = settings.topics.inputs
        self._topics = OutputTopics(settings.topics.prefix)
        self._alerts = AlertBuilder(settings)
        self._scorer_at = scorer_at

    def outgoing(self, life: PartitionLife, snapshot: Snapshot) -> list[Outgoing]:
        """Everything of a snapshot; empty topics are left out."""
        number, topics = life.number, self._topics
        decisions = _joined(snapshot.decisions)
        alerts, at_risk = self._alert_messages(life, decisions, snapshot.parents)
        record = Message(PARTITION_KEY, snapshot.record)
        erased = [Message(one.encode(), None) for one in _erased(snapshot)]
        everything = [
            Outgoing(topics.alerts, number, [*erased, *alerts]),
            Outgoing(topics.at_risk, number, [*erased, *at_risk]),
            Outgoing(topics.feedback, number, erased),
            Outgoing(topics.examples, 0, [*_examples(decisions), *_samples(life, snapshot)]),
            *(self._dead_letters(source, number, snapshot) for source in Input),
            *self._reroutes(snapshot),
            *_customers(number, snapshot),
            Outgoing(topics.state_changelog, number, [record, *erased], snapshot.rows),
        ]
        return [out for out in everything if out.messages or out.batches]

    def _alert_messages(
        self, life: PartitionLife, decisions: Decisions | None, parents: Parents
    ) -> tuple[list[Message], list[Message]]:
        alerts: list[Message] = []
        at_risk: list[Message] = []
        if decisions is None:
            return alerts, at_risk
        ids = [life.state.customer_id(row) for row in decisions.records["row"].tolist()]
        built = self._alerts.build(decisions, ids, self._scorer_at)
        traces = _traces(decisions, parents)
        for customer_id, alert, value, trace in zip(
            ids, built, encode_all(built), traces, strict=True
        ):
            message = Message(customer_id, value, trace)
            alerts.append(message)
            at_risk.append(message if alert.status in OPEN else Message(customer_id, None))
        return alerts, at_risk

    def _dead_letters(self, source: Input, number: int, snapshot: Snapshot) -> Outgoing:
        return _dead_letters(snapshot.dead_letters[source], self._inputs[source], number)

    def _reroutes(self, snapshot: Snapshot) -> Iterator[Outgoing]:
        for source, found in snapshot.reroutes.items():
            yield from _reroutes(found, self._inputs[source])


def _joined(several: Sequence[Decisions]) -> Decisions | None:
    """As one, in their order: what is published at once costs less. None for none."""
    if not several:
        return None
    return Decisions(
        joined([one.records for one in several]),
        joined([one.customers for one in several]),
        joined([one.examples for one in several]),
    )


def _traces(decisions: Decisions, parents: Parents) -> list[tuple[tuple[str, bytes], ...]]:
    """The headers of each alert: where its event's trace is known, that."""
    if not parents:
        return [()] * len(decisions.records)
    rows, times = decisions.records["row"].tolist(), decisions.records["time"].tolist()
    found = map(parents.get, zip(rows, times, strict=True))
    return [() if parent is None else ((TRACEPARENT, parent),) for parent in found]


def _erased(snapshot: Snapshot) -> Sequence[str]:
    return snapshot.customers.erased if snapshot.customers is not None else ()


def _customers(number: int, snapshot: Snapshot) -> Iterator[Outgoing]:
    """What of the customers' topic could not be read, or does not lie where it belongs."""
    if (passed := snapshot.customers) is not None:
        yield _dead_letters(passed.dead_letters, passed.topic, number)
        yield from _reroutes(passed.reroutes, passed.topic)


def _dead_letters(found: Sequence[DeadLetter], topic: str, number: int) -> Outgoing:
    letters = (dead_letter_record(letter, topic, number) for letter in found)
    messages = [Message(key, value, tuple(headers)) for key, value, headers in letters]
    return Outgoing(dead_letter_topic(topic), number, messages)


def _reroutes(found: Sequence[Reroute], topic: str) -> Iterator[Outgoing]:
    messages = defaultdict[int, list[Message]](list)
    for one in found:
        messages[one.partition].append(Message(one.key, one.value, tuple(one.headers)))
    for number, sent in messages.items():
        yield Outgoing(topic, number, sent)


def _examples(decisions: Decisions | None) -> list[Message]:
    if decisions is None:
        return []
    found = decisions.examples
    values = examples.encode_all(
        found["snapshot_time"].tolist(),
        found["label_time"].tolist(),
        found["outcome"].tolist(),
        dict(zip(FEATURES, found["features"].T.tolist(), strict=True)),
        found["static_logit"].tolist(),
    )
    return [Message(None, value) for value in values]


def _samples(life: PartitionLife, snapshot: Snapshot) -> Iterator[Message]:
    key = b"sample/%d" % life.number
    return (Message(key, value) for value in snapshot.samples)
