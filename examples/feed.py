"""Feed an input of offbeat: JSON Lines from standard input to a topic, keyed by customer.

    echo '{"event_id": "o-1", "customer_id": "c-81", …}' | python examples/feed.py purchases

What a producer of yours has to do as well: the customer's id as the key, in UTF-8; all copies
acknowledged; the partitioner murmur2, which is aiokafka's and Java's default, and in librdkafka
`partitioner=murmur2_random`. A traceparent, if there is one, goes on in the alert that it causes.
"""

import asyncio
import json
import os
import sys

from aiokafka import AIOKafkaProducer


async def main(topic: str) -> None:
    """Send every line, and wait until all are safe."""
    traceparent = os.environ.get("TRACEPARENT")
    headers = [("traceparent", traceparent.encode())] if traceparent else []
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ.get("OFFBEAT_BROKER", "127.0.0.1:9092"),
        acks="all",
        enable_idempotence=True,
    )
    async with producer:
        sent = []
        for line in sys.stdin.buffer:
            key = str(json.loads(line)["customer_id"]).encode()
            sent.append(await producer.send(topic, line.strip(), key=key, headers=headers))
        for place in await asyncio.gather(*sent):
            print(f"{place.topic}[{place.partition}] at {place.offset}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
