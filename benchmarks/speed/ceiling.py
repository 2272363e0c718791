"""What is out of reach: CPU and wall an event of fetching alone, of fetching and parsing, and of
reading the JSON as well, with the worker's own parts and nothing behind them.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher as aiokafka_fetcher

from benchmarks.harness import ends
from detectors.observations import Input
from streams.cli.progress import progress
from streams.kafka import fetcher
from streams.kafka.columns import LENGTH_PREFIX, Fetched
from streams.partition.scan import scan
from streams.settings import Settings
from streams.warmup import compile_kernels

LAST_DELTA_AT = 23  # in a batch's header: its last record's offset, less the first one's

Take = Callable[[Input, list[Fetched]], None]


def _skipped(
    _tp: TopicPartition, records: fetcher.RawRecords, _aborted: Any, fetch_offset: int, *_: Any
) -> "_Skipped":
    return _Skipped(records.data, fetch_offset)


class _Skipped:
    """Iterates one thing for a whole fetch, of which nothing was read but how far it goes."""

    def __init__(self, data: bytes, fetch_offset: int) -> None:
        self.next_fetch_offset = fetch_offset  # moves with what is taken, or aiokafka drops it
        self._after = fetch_offset
        at = 0
        while len(data) - at > LENGTH_PREFIX:
            base, length = struct.unpack_from(">qi", data, at)
            if at + LENGTH_PREFIX + length > len(data):
                break
            (last_delta,) = struct.unpack_from(">i", data, at + LAST_DELTA_AT)
            self._after = base + last_delta + 1
            at += LENGTH_PREFIX + length

    def __iter__(self) -> Iterator[None]:
        return self

    def __next__(self) -> None:
        if self.next_fetch_offset == self._after:
            raise StopIteration
        self.next_fetch_offset = self._after


def ceiling(settings: Settings) -> dict[str, float]:
    """Flat figures: `ceiling_{fetch,parse,decode}_{wall,cpu}_us`, an event each, one run of each.

    settings: whose inputs are read, from their beginning to their ends.
    """
    found: dict[str, float] = {}
    compile_kernels()  # or the first that needs them would be said to take that long
    fetcher.install()
    parsed = aiokafka_fetcher.PartitionRecords
    for name, records, take in (
        ("fetch", _skipped, _nothing),
        ("parse", parsed, _nothing),
        ("decode", parsed, _decode),
    ):
        aiokafka_fetcher.PartitionRecords = records
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                wall, cpu = runner.run(_read(settings, name, take))
        finally:
            aiokafka_fetcher.PartitionRecords = parsed
        found[f"ceiling_{name}_wall_us"], found[f"ceiling_{name}_cpu_us"] = wall, cpu
    return found


async def _read(settings: Settings, name: str, take: Take) -> tuple[float, float]:
    """Wall and CPU, us an event."""
    end = await ends(settings, settings.topics.inputs)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.broker,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=settings.kafka.fetch_partition_bytes,
        value_deserializer=fetcher.Columnar(),
    )
    await consumer.start()
    try:
        consumer.assign(list(end))
        await consumer.seek_to_beginning()
        total, done = sum(end.values()), 0
        wall, cpu = time.perf_counter(), time.process_time()
        with progress(f"Only {name}", total) as advance:
            while done < total:
                found = await consumer.getmany(timeout_ms=100)
                for tp, fetches in found.items():
                    take(Input(settings.topics.inputs.index(tp.topic)), fetches)
                positions = [await consumer.position(tp) for tp in end]
                advance(sum(positions) - done)
                done = sum(positions)
        spent = time.perf_counter() - wall, time.process_time() - cpu
        return spent[0] / total * 1e6, spent[1] / total * 1e6
    finally:
        await consumer.stop()


def _nothing(_source: Input, _fetches: list[Fetched]) -> None:
    """All that was wanted has been done."""


def _decode(source: Input, fetches: list[Fetched]) -> None:
    for fetched in fetches:
        scan(source, fetched, None)
