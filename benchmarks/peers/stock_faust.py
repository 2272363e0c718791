"""The job of benchmarks/peers as stock Faust agents with one table, as its documentation teaches.

    python -m benchmarks.peers.stock_faust BROKER GROUP GUARANTEE FOLDER OUTPUT INPUT…

At least once: its exactly-once is not to be trusted (docs/decisions/0003).
"""

import sys
from typing import Any

import faust

from benchmarks.peers import job

broker, group, _guarantee, folder, output, *inputs = sys.argv[1:]

app = faust.App(
    group,
    broker=f"kafka://{broker}",
    store="memory://",
    datadir=folder,
    topic_partitions=4,
    web_enabled=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    broker_commit_interval=0.5,
)
customers = app.Table("customers", default=job.new, partitions=4)
quiet = app.topic(output, key_type=str, value_type=bytes, value_serializer="raw")
deadlines = job.Deadlines()


def agent(name: str) -> None:
    """An agent for one input."""
    kind = name.rpartition(".")[2]
    topic = app.topic(name, key_type=str, key_serializer="raw", value_serializer="json")

    async def keep(events: faust.StreamT[dict[str, Any]]) -> None:
        async for event in events:
            key = event["customer_id"]
            customer = customers[key]
            time = job.seconds(event["event_time"])
            job.update(customer, kind, event, time)
            customers[key] = customer
            for late, deadline in deadlines.passed(key, customer, time):
                await quiet.send(key=late, value=job.alert(late, deadline))

    app.agent(topic, name=f"keep-{kind}")(keep)


for each in inputs:
    agent(each)


if __name__ == "__main__":
    sys.argv[1:] = []
    faust.Worker(
        app, quiet=True, loglevel="error", redirect_stdouts=False
    ).execute_from_commandline()
