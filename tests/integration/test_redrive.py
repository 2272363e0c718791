"""Dead letters on Apache Kafka: listed, shown and sent again, each once whatever happens."""

import asyncio
import os
import signal
import subprocess
import time
import uuid
from collections import Counter

import orjson
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition

from benchmarks.harness import (
    OFFBEAT,
    Worker,
    create_topics,
    ends,
    environment,
    named,
    read_all,
    wait_until_at_the_end,
    workers,
)
from schemas.dead_letters import (
    REASON,
    REDRIVEN_FROM,
    DeadLetter,
    RejectReason,
    dead_letter_record,
)
from schemas.topics import dead_letter_topic
from streams.errors import FencedError, InputError
from streams.kafka.redrive import Choice, redrive
from streams.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
async def settings(broker: str) -> Settings:
    settings = named(broker, f"again-{uuid.uuid4().hex[:8]}", clock="event", partitions=2)
    await create_topics(settings)
    return settings


async def bury(settings: Settings, letters: list[tuple[int, DeadLetter]]) -> None:
    """(partition, letter) into the purchases' dead-letter topic, as a worker writes them."""
    topic = settings.topics.purchases
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    try:
        waiting = []
        for partition, letter in letters:
            key, value, headers = dead_letter_record(letter, topic, partition)
            waiting.append(
                await producer.send(
                    dead_letter_topic(topic), value, key=key, headers=headers, partition=partition
                )
            )
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


def buried(
    n: int, reason: RejectReason = RejectReason.MISSING_FIELD, first: int = 0
) -> list[tuple[int, DeadLetter]]:
    message = "$.amount is missing; accepted: a number"
    return [
        (
            i % 2,
            DeadLetter(i, b"c-%d" % i, b'{"n":%d}' % i, [("trace", b"%d" % i)], reason, message),
        )
        for i in range(first, first + n)
    ]


def command(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    given = {f"OFFBEAT_{k.upper()}": v for k, v in environment(settings).items()}
    return subprocess.Popen(
        [OFFBEAT, "dlq", *arguments],
        env={**os.environ, **given, "COLUMNS": "160"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def offbeat(settings: Settings, *arguments: str, code: int = 0) -> str:
    """What `offbeat dlq …` prints."""

    def run() -> str:
        process = command(settings, *arguments)
        out, error = process.communicate(timeout=60)
        assert process.returncode == code, out + error
        return out if code == 0 else error

    return await asyncio.to_thread(run)


async def found(settings: Settings) -> list[ConsumerRecord[bytes, bytes]]:
    return await read_all(settings, settings.topics.purchases)


async def test_letters_go_back_as_they_were_and_only_once(settings: Settings) -> None:
    await bury(settings, buried(10) + buried(4, RejectReason.FUTURE_TIME, 10))
    listed = await offbeat(settings, "list")
    assert "missing_field" in listed
    assert "future_time" in listed
    told = await offbeat(settings, "redrive", "purchases", "--dry-run")
    assert f"14 would be sent to {settings.topics.purchases} again" in told
    assert await found(settings) == []
    assert "4 sent" in await offbeat(
        settings, "redrive", "purchases", "--reason", "future_time", "--since", "2026-01-01"
    )
    assert "1 sent" in await offbeat(
        settings, "redrive", "purchases", "--partition", "1", "--offsets", "2-2"
    )
    assert "9 sent" in await offbeat(settings, "redrive", settings.topics.purchases)
    for _ in range(2):
        assert "0 sent" in await offbeat(settings, "redrive", "purchases")
    records = await found(settings)
    expected = {(i % 2, b"c-%d" % i, b'{"n":%d}' % i) for i in range(14)}
    assert {(r.partition, r.key, r.value) for r in records} == expected
    assert len(records) == 14
    for record in records:
        headers = dict(record.headers)
        assert headers.keys() == {"trace", REDRIVEN_FROM}
        assert headers[REDRIVEN_FROM].startswith(b"%b.dlq/" % settings.topics.purchases.encode())
    await bury(settings, buried(1, first=99))
    assert "1 sent" in await offbeat(settings, "redrive", "purchases")


async def test_one_letter_is_shown_with_its_reason_and_nothing_a_terminal_obeys(
    settings: Settings,
) -> None:
    nasty = DeadLetter(
        7,
        b"c-\x1b[2J",
        '{"a": "\u202eabc", "b": [1]}'.encode(),
        [("h\x07", b"\xff\x1b")],
        RejectReason.WRONG_TYPE,
        "$.amount is of type `str`; accepted: a number",
    )
    await bury(settings, [(1, nasty)])
    shown = await offbeat(settings, "show", "purchases", "1", "0")
    assert "wrong_type: a field, or the whole value, is of another JSON type" in shown
    assert f"{settings.topics.purchases} 1 7" in shown
    assert "c-\\x1b[2J" in shown
    assert '"a": "\\u202eabc"' in shown
    assert all(c.isprintable() or c == "\n" for c in shown)
    missing = await offbeat(settings, "show", "purchases", "1", "5", code=InputError.exit_code)
    assert "there is no dead letter at offset 5" in missing
    assert "no partition 2" in await offbeat(
        settings, "show", "purchases", "2", "0", code=InputError.exit_code
    )


async def test_a_redrive_that_is_killed_goes_on_and_sends_nothing_twice(settings: Settings) -> None:
    await bury(settings, buried(12_000))
    kills = 0
    for _ in range(3):
        before = len(await found(settings))
        process = command(settings, "redrive", "purchases")
        try:
            until = time.monotonic() + 30
            # uncommitted records count as well: it may die within a transaction
            while sum((await ends(settings, [settings.topics.purchases])).values()) <= before + 500:
                assert time.monotonic() < until
                if process.poll() is not None:
                    break
            kills += process.poll() is None
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    assert kills > 0
    await offbeat(settings, "redrive", "purchases")
    values = Counter(record.value for record in await found(settings))
    assert len(values) == 12_000
    assert set(values.values()) == {1}


async def test_a_second_redrive_fences_the_first_and_both_send_each_record_once(
    settings: Settings,
) -> None:
    await bury(settings, buried(4000))
    letters = TopicPartition(dead_letter_topic(settings.topics.purchases), 0)
    sent: list[int] = []

    def advance(n: int) -> None:
        sent.append(n)
        out, error = command(settings, "redrive", "purchases").communicate(timeout=60)
        assert "sent to" in out, error

    with pytest.raises(FencedError, match="another redrive"):
        await redrive(settings, letters, settings.topics.purchases, 2, Choice(), advance)
    assert len(sent) == 1
    values = Counter(record.value for record in await found(settings))
    assert len(values) == 4000
    assert set(values.values()) == {1}


async def test_what_is_refused_again_comes_back_with_its_history(settings: Settings) -> None:
    def purchase(n: int, amount: object) -> DeadLetter:
        event = {"event_id": f"e-{n}", "customer_id": "c-1", "event_time": 1_767_225_600_000 + n}
        value = orjson.dumps({**event, "amount": amount, "currency": "EUR"})
        return DeadLetter(n, b"c-1", value, [], RejectReason.WRONG_TYPE, "$.amount is odd")

    # the producer's mistake was mended for the first (a setting, say), the second is hopeless
    await bury(settings, [(1, purchase(0, 5)), (1, purchase(1, "much"))])
    assert "2 sent" in await offbeat(settings, "redrive", "purchases")
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        await wait_until_at_the_end(settings, [worker], 60)
        assert worker.stop() == 0
    dlq = dead_letter_topic(settings.topics.purchases)
    *_, newest = [r for r in await read_all(settings, dlq) if REASON in dict(r.headers)]
    assert orjson.loads(newest.value)["event_id"] == "e-1"
    assert dict(newest.headers)[REDRIVEN_FROM] == f"{dlq}/1/1".encode()
    shown = await offbeat(settings, "show", "purchases", "1", str(newest.offset))
    assert f"{dlq}/1/1" in shown
    assert "1 sent" in await offbeat(settings, "redrive", "purchases")
