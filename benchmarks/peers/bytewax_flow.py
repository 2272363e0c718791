"""The job of benchmarks/peers as a Bytewax dataflow; state in its recovery store, SQLite.

    python -m bytewax.run "benchmarks.peers.bytewax_flow:flow(BROKER, OUTPUT, INPUT…)" -r … -s 1

It commits no offsets to Kafka, so it prints "events <n>" on standard output every thousand events.
"""

import itertools
from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow

from benchmarks.peers import job

_deadlines = job.Deadlines()
_seen = itertools.count(1)
Pair = tuple[str, dict[str, Any]]


class _Keep(op.StatefulBatchLogic[Pair, KafkaSinkMessage[bytes, bytes], job.Customer]):
    """One customer."""

    def __init__(self, customer: job.Customer | None) -> None:
        self._customer = customer or job.new()

    def on_batch(self, values: list[Pair]) -> tuple[Iterable[KafkaSinkMessage[bytes, bytes]], bool]:
        found = []
        for kind, event in values:
            time = job.seconds(event["event_time"])
            job.update(self._customer, kind, event, time)
            for key, deadline in _deadlines.passed(event["customer_id"], self._customer, time):
                found.append(KafkaSinkMessage(key.encode(), job.alert(key, deadline)))
            events = next(_seen)
            if events % 1000 == 0:
                print(f"events {events}", flush=True)
        return found, op.StatefulBatchLogic.RETAIN

    def snapshot(self) -> job.Customer:
        return list(self._customer)


def flow(broker: str, output: str, *inputs: str) -> Dataflow:
    """The dataflow."""
    made = Dataflow("cadence")
    source = KafkaSource([broker], list(inputs), tail=True, batch_size=5000)
    messages = op.input("events", made, source)
    pairs = op.map(
        "decode",
        messages,
        lambda message: (
            message.key.decode(),
            (message.topic.rpartition(".")[2], orjson.loads(message.value)),
        ),
    )
    quiet = op.stateful_batch("keep", pairs, _Keep)
    op.output("quiet", op.map("unkey", quiet, lambda pair: pair[1]), KafkaSink([broker], output))
    return made
