"""A stock Faust agent with one table, as its documentation teaches: count and sum a customer.

    python -m benchmarks.peers.stock_faust BROKER TOPIC GROUP

Prints "events <n>" on standard output after every thousand events.
"""

import itertools
import sys

import faust

broker, topic_name, group = sys.argv[1:4]

app = faust.App(
    group,
    broker=f"kafka://{broker}",
    store="memory://",
    topic_partitions=4,
    web_enabled=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
)


class Purchase(faust.Record, serializer="json"):  # type: ignore[call-arg]  # an option of Faust's
    """One purchase, as it is on the wire."""

    event_id: str
    customer_id: str
    event_time: str
    amount: float
    currency: str


topic = app.topic(topic_name, key_type=bytes, value_type=Purchase)
statistics = app.Table("statistics", default=lambda: [0, 0.0], partitions=4)
seen = itertools.count(1)


@app.agent(topic)
async def count(purchases: faust.StreamT[Purchase]) -> None:
    """Keep the number of purchases and their sum."""
    async for purchase in purchases:
        number, total = statistics[purchase.customer_id]
        statistics[purchase.customer_id] = [number + 1, total + purchase.amount]
        events = next(seen)
        if events % 1000 == 0:
            print(f"events {events}", flush=True)


if __name__ == "__main__":
    faust.Worker(
        app, quiet=True, loglevel="error", redirect_stdouts=False
    ).execute_from_commandline()
