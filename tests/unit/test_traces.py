"""The trace of an event goes on in the alert that it causes, and in no other."""

import numpy as np
import pytest

from detectors.judgement.episodes import Status
from detectors.learning.scorer import Scorer
from detectors.observations import OBSERVATION, Input
from detectors.profile import Profile
from streams.kafka.producer import Message
from streams.partition import traces
from streams.partition.ingest import Home
from streams.partition.life import PartitionLife
from streams.partition.publish import Publisher
from streams.partition.traces import TRACEPARENT, Traces, valid_parents
from streams.settings import Settings
from tests.functional.fetching import purchase
from tests.functional.records import Record, fetched, record

SENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NAMES = ("purchases", "visits", "payments", "support")


def new_life() -> PartitionLife:
    starts = dict.fromkeys(Input, (0, False))
    life = PartitionLife(0, Profile(), NAMES, starts, home=Home("g", 0, partitions=1))
    life.finish_recovery()
    return life


def bought(customer: str, number: int, day: float, *headers: bytes) -> Record:
    return record(**purchase(customer, number, day))._replace(
        headers=[("ce_type", b"purchase"), *((TRACEPARENT, value) for value in headers)]
    )


def alerts(life: PartitionLife) -> list[tuple[Status, Message]]:
    """What is published when all that was read is applied."""
    life.tick(list(Input), None)
    snapshot = life.snapshot(0)
    assert snapshot is not None
    statuses = [Status(n) for one in snapshot.decisions for n in one.records["status"].tolist()]
    publisher = Publisher(Settings(), lambda _: Scorer())
    sent = [out for out in publisher.outgoing(life, snapshot) if out.topic == "offbeat.alerts"]
    return list(zip(statuses, [one for out in sent for one in out.messages], strict=True))


def take(life: PartitionLife, records: list[Record]) -> None:
    got = fetched(records)
    first = life.position(Input.PURCHASES)
    columns = got.columns.copy()
    columns[:, 0] = first + np.arange(len(columns))
    life.take(
        Input.PURCHASES,
        type(got)(got.data, columns, first, first + len(columns)),
        None,
    )


def away_and_back(*headers: bytes) -> list[tuple[Status, Message]]:
    """A weekly customer falls silent, as another one's purchase shows, and comes back."""
    life = new_life()
    take(life, [bought("c-1", i, 7.0 * i, OTHER) for i in range(10)])
    take(life, [bought("c-2", 0, 200.0, OTHER)])
    assert Status.OPENED in {status for status, _ in alerts(life)}
    take(life, [bought("c-1", 99, 201.0, *headers)])
    return [(status, one) for status, one in alerts(life) if one.key == b"c-1"]


def test_an_alert_carries_the_trace_of_the_event_that_caused_it() -> None:
    ((status, alert),) = [one for one in away_and_back(SENT) if one[0] == Status.RESOLVED]
    assert status == Status.RESOLVED
    assert alert.headers == ((TRACEPARENT, SENT),)


def test_an_alert_of_silence_carries_no_trace() -> None:
    life = new_life()
    take(life, [bought("c-1", i, 7.0 * i, SENT) for i in range(10)])
    take(life, [bought("c-2", 0, 200.0, OTHER)])
    opened = [alert for status, alert in alerts(life) if status == Status.OPENED]
    assert [alert.key for alert in opened] == [b"c-1"]
    assert opened[0].headers == ()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        SENT[:-1] + b"0",  # not sampled
        SENT[:-1],
        SENT + b"-x",
        b"01" + SENT[2:],
        SENT.upper(),
        SENT.replace(b"-", b"_", 1),
        b"00-" + b"0" * 32 + SENT[35:],
        SENT[:36] + b"0" * 16 + b"-01",
        b"g" * 55,
    ],
)
def test_what_is_no_sampled_traceparent_is_as_if_absent(value: bytes) -> None:
    assert all(alert.headers == () for _, alert in away_and_back(value))


def test_of_several_traceparents_the_last_counts() -> None:
    assert [alert.headers for status, alert in away_and_back(OTHER, SENT)] == [
        ((TRACEPARENT, SENT),)
    ]


def test_an_event_that_waits_for_other_inputs_keeps_its_trace() -> None:
    life = new_life()
    take(life, [bought("c-1", i, 7.0 * i) for i in range(10)])
    take(life, [bought("c-2", 0, 200.0)])
    alerts(life)
    take(life, [bought("c-1", 99, 201.0, SENT)])
    life.tick([Input.VISITS, Input.PAYMENTS], None)  # support has not been read to its end
    waiting = life.snapshot(0)
    assert waiting is not None
    assert not waiting.decisions
    assert [alert.headers for _, alert in alerts(life)] == [((TRACEPARENT, SENT),)]


def test_traces_are_let_go_of_when_what_they_caused_is_decided() -> None:
    life = new_life()
    take(life, [bought("c-1", i, 7.0 * i, SENT) for i in range(10)])
    assert len(life._traces._rows) == 10
    alerts(life)
    assert len(life._traces._rows) == 0


def test_more_traces_than_there_is_room_for_let_the_oldest_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traces, "MOST", 2)
    held = Traces()
    observations = np.zeros(3, OBSERVATION)
    observations["row"], observations["effective_time"] = [1, 2, 3], 5.0
    _, parents = valid_parents(
        np.frombuffer(SENT * 3, np.uint8), np.arange(3, dtype=np.int64) * len(SENT)
    )
    held.add(observations, parents)
    rows, times = np.array([1, 2, 3], np.int32), np.full(3, 5.0)
    assert held.of(rows, times) == {(2, 5.0): SENT, (3, 5.0): SENT}
