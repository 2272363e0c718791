"""A snapshot as records: alerts, who is at risk, examples, dead letters and the state itself."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from detectors.learning.names import FEATURES
from detectors.learning.scorer import Scorer
from detectors.observations import Input
from schemas import examples
from schemas.alerts import OPEN, encode
from schemas.changelog import PARTITION_KEY
from schemas.dead_letters import dead_letter_record
from schemas.topics import OutputTopics, dead_letter_topic
from streams.alerts import AlertBuilder
from streams.kafka.producer import Message, Outgoing
from streams.partition.life import PartitionLife, Snapshot
from streams.settings import Settings

_EXAMPLE = ("row", "snapshot_time", "label_time", "outcome", "features", "static_logit")


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
        alerts, at_risk = self._alert_messages(life, snapshot)
        record = Message(PARTITION_KEY, snapshot.record)
        everything = [
            Outgoing(topics.alerts, number, alerts),
            Outgoing(topics.at_risk, number, at_risk),
            Outgoing(topics.examples, 0, [*_examples(life, snapshot), *_samples(life, snapshot)]),
            *(self._dead_letters(source, number, snapshot) for source in Input),
            *self._reroutes(snapshot),
            Outgoing(topics.state_changelog, number, [record], snapshot.rows),
        ]
        return [out for out in everything if out.messages or out.batches]

    def _alert_messages(
        self, life: PartitionLife, snapshot: Snapshot
    ) -> tuple[list[Message], list[Message]]:
        alerts, at_risk = [], []
        for decisions in snapshot.decisions:
            ids = [life.state.customer_id(row) for row in decisions.records["row"].tolist()]
            built = self._alerts.build(decisions, ids, self._scorer_at)
            for customer_id, alert in zip(ids, built, strict=True):
                value = encode(alert)
                alerts.append(Message(customer_id, value))
                at_risk.append(Message(customer_id, value if alert.status in OPEN else None))
        return alerts, at_risk

    def _dead_letters(self, source: Input, number: int, snapshot: Snapshot) -> Outgoing:
        name = self._inputs[source]
        letters = (dead_letter_record(x, name, number) for x in snapshot.dead_letters[source])
        messages = [Message(key, value, tuple(headers)) for key, value, headers in letters]
        return Outgoing(dead_letter_topic(name), number, messages)

    def _reroutes(self, snapshot: Snapshot) -> Iterator[Outgoing]:
        for source, found in snapshot.reroutes.items():
            messages = defaultdict[int, list[Message]](list)
            for one in found:
                messages[one.partition].append(Message(one.key, one.value, tuple(one.headers)))
            for number, sent in messages.items():
                yield Outgoing(self._inputs[source], number, sent)


def _examples(life: PartitionLife, snapshot: Snapshot) -> Iterator[Message]:
    for decisions in snapshot.decisions:
        found = decisions.examples
        columns = (found[name].tolist() for name in _EXAMPLE)
        for row, snapshot_time, label_time, outcome, features, static in zip(*columns, strict=True):
            customer_id = life.state.customer_id(row)
            value = examples.encode(
                customer_id.decode(),
                (snapshot_time, label_time),
                1 if outcome else 0,
                dict(zip(FEATURES, features, strict=True)),
                static,
            )
            yield Message(customer_id, value)


def _samples(life: PartitionLife, snapshot: Snapshot) -> Iterator[Message]:
    key = b"sample/%d" % life.number
    return (Message(key, value) for value in snapshot.samples)
