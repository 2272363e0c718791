"""Everything that nobody should send: where it ends up, and that work goes on.

For each input and each kind of broken record: is it in `<input>.dlq` with its reason and its
original bytes, and was every good event beside it counted? A kind is sent alone (a record batch of
its own) and in the middle of good ones (one record batch). Good events in the wrong partition are
sent on to the right one, and counted there, once.
"""

import asyncio
import itertools
import sys
import time
from collections import Counter
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaProducer, ConsumerRecord
from rich.table import Table

from benchmarks.harness import (
    Worker,
    console,
    create_topics,
    environment,
    named,
    read_all,
    wait_until_at_the_end,
    workers,
)
from schemas.changelog import PARTITION_KEY, decode_partition
from schemas.dead_letters import REASON
from schemas.reroutes import REROUTED
from schemas.topics import OutputTopics, dead_letter_topic
from streams.figures import write_figures
from streams.kafka.broker import bootstrap
from streams.settings import Settings
from streams.sources.kafka import partition_of

GOOD_BESIDE = 20  # good events around each broken one
ASTRAY = 20  # good events of each input in a partition that is not their key's
PARTITIONS = 4
INPUTS = ("purchases", "visits", "payments", "support")
REQUIRED: dict[str, dict[str, object]] = {
    "purchases": {"amount": 12.5, "currency": "EUR"},
    "visits": {"kind": "session"},
    "payments": {"status": "paid"},
    "support": {"kind": "opened"},
}


class Broken(NamedTuple):
    """One kind of broken record, and the reason that it should be given."""

    kind: str
    reason: str
    key: bytes | None
    value: bytes | None


def customers(partition: int) -> list[str]:
    """Some whose keys belong there."""
    names = (f"c-{number}" for number in itertools.count())
    there = (name for name in names if partition_of(name.encode(), PARTITIONS) == partition)
    return list(itertools.islice(there, 40))


def event(name: str, customer: str, number: int, **changes: object) -> dict[str, object]:
    now = int(time.time() * 1000) - 60_000
    given = {"event_id": f"{name}-{customer}-{number}", "customer_id": customer, "event_time": now}
    return {**given, **REQUIRED[name], **changes}


def broken(name: str) -> list[Broken]:
    """Every kind, for one input."""
    customer = customers(0)[-1]
    key = customer.encode()
    good = event(name, customer, 0)
    missing = {k: v for k, v in good.items() if k != "event_id"}
    future = {**good, "event_time": int((time.time() + 86_400) * 1000)}
    nan = orjson.dumps({**good, "amount": 0})[:-1].replace(b'"amount":0', b'"amount":NaN') + b"}"
    return [
        Broken("not JSON", "malformed_json", key, b"amount=12"),
        Broken("missing field", "missing_field", key, orjson.dumps(missing)),
        Broken("wrong type", "wrong_type", key, orjson.dumps({**good, "customer_id": 7})),
        Broken("NaN amount", "malformed_json", key, nan),
        Broken("1 MB blob", "oversized", key, b"x" * 1_000_000),
        Broken("future time", "future_time", key, orjson.dumps(future)),
        Broken("empty key", "missing_key", b"", orjson.dumps(good)),
        Broken("null key", "missing_key", None, orjson.dumps(good)),
        Broken("wrong key", "key_mismatch", b"c-other", orjson.dumps(good)),
        Broken("null value", "tombstone", key, None),
    ]


def main() -> None:
    with bootstrap(None) as broker:
        figures = asyncio.run(run(broker))
    write_figures("badinput", figures)
    sys.exit(not figures["all_as_promised"])


async def run(broker: str) -> dict[str, float]:
    settings = named(broker, f"bad-{int(time.time()):x}", partitions=PARTITIONS)
    await create_topics(settings)
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        sent, good = await send(settings)
        await wait_until_at_the_end(settings, [worker], 120)
        still_running = worker.running
    return await judge(settings, sent, good, still_running=still_running)


async def send(settings: Settings) -> tuple[dict[str, list[Broken]], int]:
    """Each kind of each input alone, then amid good ones, then good ones in a wrong partition.

    Returns how many good ones that were, too.
    """
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker, max_request_size=8 << 20)
    await producer.start()
    sent: dict[str, list[Broken]] = {}
    good = 0
    at_home = customers(0)
    try:
        for name, topic in zip(INPUTS, settings.topics.inputs, strict=True):
            sent[topic] = broken(name)
            for number, bad in enumerate(sent[topic]):
                await producer.send_and_wait(topic, bad.value, key=bad.key, partition=0)
                batch = producer.create_batch()
                for i in range(GOOD_BESIDE):
                    if i == GOOD_BESIDE // 2 and len(bad.value or b"") < 10_000:
                        batch.append(key=bad.key, value=bad.value, timestamp=None)
                    customer = at_home[number]
                    value = orjson.dumps(event(name, customer, i))
                    batch.append(key=customer.encode(), value=value, timestamp=None)
                    good += 1
                await (await producer.send_batch(batch, topic, partition=0))
            for i, customer in enumerate(customers(2)[:ASTRAY]):
                value = orjson.dumps(event(name, customer, i))
                await producer.send_and_wait(topic, value, key=customer.encode(), partition=1)
                good += 1
    finally:
        await producer.stop()
    return sent, good


async def judge(
    settings: Settings, sent: dict[str, list[Broken]], good: int, *, still_running: bool
) -> dict[str, float]:
    table = Table("topic", "kind", "reason", "in the DLQ", "bytes kept")
    wrong = 0
    expected = 0
    letters = 0
    for topic, kinds in sent.items():
        found = await read_all(settings, dead_letter_topic(topic))
        letters += len(found)
        for bad in kinds:
            times = 1 if len(bad.value or b"") >= 10_000 else 2
            expected += times
            same = [x for x in found if (x.key, x.value) == (bad.key, bad.value)]
            right = [x for x in same if reason(x) == bad.reason]
            fine = len(right) >= times
            wrong += not fine
            shown = f"{len(right)} of {times}" if fine else f"[red]{len(right)} of {times}"
            table.add_row(topic.split(".")[-1], bad.kind, bad.reason, shown, str(bool(same)))
    console.print(table)
    counted = await applied(settings)
    sent_on = 0
    for topic in settings.topics.inputs:
        found = await read_all(settings, topic)
        sent_on += sum(REROUTED in dict(x.headers) and x.partition == 2 for x in found)
    return {
        "kinds": sum(map(len, sent.values())),
        "dead_letters": letters,
        "dead_letters_expected": expected,
        "kinds_not_as_promised": wrong,
        "good_sent": good,
        "good_counted": counted,
        "misrouted_sent": ASTRAY * len(INPUTS),
        "misrouted_sent_on": sent_on,
        "still_running": int(still_running),
        "all_as_promised": int(
            not wrong
            and letters == expected
            and counted == good
            and sent_on == ASTRAY * len(INPUTS)
            and still_running
        ),
    }


def reason(record: ConsumerRecord[bytes, bytes]) -> str:
    headers: dict[str, bytes] = dict(record.headers)
    return headers.get(REASON, b"").decode()


async def applied(settings: Settings) -> int:
    """Events applied, by the partitions' own newest records in the changelog."""
    newest: dict[int, bytes] = {}
    records = await read_all(settings, OutputTopics(settings.topics.prefix).state_changelog)
    for record in records:
        if record.key == PARTITION_KEY:
            newest[record.partition] = record.value
    counts: Counter[str] = Counter()
    for value in newest.values():
        per_input = decode_partition(value).population["applied"]
        counts["applied"] += int(sum(per_input)) if isinstance(per_input, list) else int(per_input)
    return counts["applied"]


if __name__ == "__main__":
    main()
