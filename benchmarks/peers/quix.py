"""The job of benchmarks/peers on Quix Streams: a RocksDB store with its changelog.

    python -m benchmarks.peers.quix BROKER GROUP GUARANTEE FOLDER OUTPUT INPUT…

Its state is that of the key at hand alone, so deadlines wait in memory.
"""

import sys
from functools import partial, reduce
from typing import Any

from quixstreams import Application, State

from benchmarks.peers import job


def main(broker: str, group: str, guarantee: Any, folder: str, output: str, *inputs: str) -> None:
    app = Application(
        broker_address=broker,
        consumer_group=group,
        auto_offset_reset="earliest",
        commit_interval=0.5,
        state_dir=folder,
        processing_guarantee=guarantee,
        loglevel="WARNING",
    )
    frames = []
    for name in inputs:
        topic = app.topic(name, key_deserializer="str", value_deserializer="json")
        kind = name.rpartition(".")[2]
        frames.append(app.dataframe(topic).apply(lambda event, kind=kind: (kind, event)))
    everything = reduce(lambda one, other: one.concat(other), frames)
    quiet = app.topic(output, key_serializer="str", value_serializer="json")
    keep_all = partial(keep, job.Deadlines())
    everything.apply(keep_all, stateful=True, expand=True).to_topic(
        quiet, key=lambda found: found["customer_id"]
    )
    app.run()


def keep(
    deadlines: job.Deadlines, pair: tuple[str, dict[str, Any]], state: State
) -> list[dict[str, Any]]:
    """Keep the customer of an event, and say whose deadline has passed."""
    kind, event = pair
    customer = state.get("customer") or job.new()
    time = job.seconds(event["event_time"])
    job.update(customer, kind, event, time)
    state.set("customer", customer)
    return [
        {"customer_id": key, "deadline": deadline}
        for key, deadline in deadlines.passed(event["customer_id"], customer, time)
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
