"""The seam in Faust: a transport whose messages are whole fetches.

Faust sees one message a fetch and partition: its value is a list of `Fetched`, its offset the last
that they cover. So Faust's cost a message, ~50 us, is paid once for thousands of events. What has
no records (control batches, aborted transactions) travels too, or recovery would wait for it for
ever.

Offsets are not committed here: they travel in the partition's transaction
(`streams/kafka/producer.py`).
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.consumer import RecordMap
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from streams.errors import SeamError
from streams.kafka import fetcher
from streams.kafka.failures import explained
from streams.kafka.fault_points import Point, reach_amid

IDLE_SECONDS = 0.05  # pause between looks while every input is held back

# How long a fetch waits for records, which Faust fixes at 1.5 s. It bounds how late an empty
# partition is known to be read to its end.
FETCH_MS = 500
# The same during a rebalance and a recovery: the broker answers one request of a connection after
# the other, and there are half a dozen questions that would each wait for a fetch to end. And while
# records are behind: one partition that was read to its end must not hold up the others' next ones.
ASKING_MS = 10
# And while records keep coming: a fetch is of what is not yet here, which may be the quiet
# partitions alone; till it ends no other is sent to their broker.
BUSY_MS = 50
BUSY_SECONDS = 1.0  # behind the last records, before it counts as quiet

PINNED = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}
# Without these Faust runs on, slower, and acknowledges messages of older generations. Where they
# would be: installed is not enough, for with NO_CYTHON set Faust passes over them.
ACCELERATORS = {
    "faust.streams": "_CStreamIterator",
    "faust.transport.conductor": "ConductorHandler",
}


def require_seams() -> None:
    """Raise SeamError unless the libraries are the ones whose private parts this folder uses."""
    wrong = [f"{name} {version(name)}" for name, pin in PINNED.items() if version(name) != pin]
    wrong += [
        f"{module} not compiled"
        for module, name in ACCELERATORS.items()
        if getattr(import_module(module), name, None) is None
    ]
    if wrong:
        raise SeamError(
            f"installed: {', '.join(wrong)}",
            remedy=f"Install offbeat's own: {', '.join(f'{n}=={v}' for n, v in PINNED.items())}, "
            "as wheels, and unset NO_CYTHON.",
        )


class ColumnarThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer, asked for columns of committed records."""

    def _create_worker_consumer(self, transport: "ColumnarTransport") -> AIOKafkaConsumer:
        fetcher.install()
        consumer = super()._create_worker_consumer(transport)
        consumer._value_deserializer = fetcher.Columnar(transport.prepare)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = ASKING_MS
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        # else nothing is fetched for a tenth of a second where some input waits for the others
        self._consumer._fetcher._prefetch_backoff = 0.0


class ColumnarConsumer(driver.Consumer):
    """One Faust message a fetch and partition."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.held: set[TP] = set()  # inputs that ran ahead of the others and must wait
        self._behind: set[TP] = set()  # whose last fetch was not the last one that there is
        self._wait_ms = ASKING_MS
        self._last_records = 0.0  # when some came, by `time.monotonic`

    def _new_consumer_thread(self) -> ColumnarThread:
        return ColumnarThread(self, loop=self.loop, beacon=self.beacon)

    def end_offset(self, tp: TP) -> int | None:
        """The partition's end as of the last fetch response; None before the first one."""
        consumer = self._thread._consumer
        subscription = consumer._subscription.subscription if consumer is not None else None
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None or tp not in assignment.tps:
            return None
        end: int | None = assignment.state_value(tp).highwater
        return end

    @property
    def is_behind(self) -> bool:
        """Whether some partition had more records than its last fetch brought."""
        return bool(self._behind)

    def fetch_within(self, milliseconds: int) -> None:
        """From the next fetch on, wait for so long for records where none are behind."""
        self._wait_ms = milliseconds
        self._behind.clear()  # it may be others' by now
        self._set_wait()

    def _set_wait(self) -> None:
        busy = time.monotonic() < self._last_records + BUSY_SECONDS
        milliseconds = ASKING_MS if self._behind else self._wait_ms
        milliseconds = min(milliseconds, BUSY_MS) if busy else milliseconds
        consumer = self._thread._consumer if self._thread is not None else None
        if consumer is not None and consumer._fetcher is not None:
            consumer._fetcher._fetch_max_wait_ms = milliseconds

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:
        wanted = active_partitions - self.held if active_partitions else active_partitions
        if active_partitions and not wanted:
            await self.sleep(IDLE_SECONDS)
            return {}
        return await super()._getmany(wanted, timeout)

    async def perform_seek(self) -> None:
        """To the committed positions, and to the log's start where nothing is committed.

        There aiokafka would stay behind what it has fetched, though that was dropped if a
        rebalance came between. Changelogs are sought by their recovery.
        """
        await super().perform_seek()
        changelogs = self.app.tables.changelog_topics
        fresh = [
            TopicPartition(tp.topic, tp.partition)
            for tp in self.assignment()
            if tp.topic not in changelogs and not self._read_offset.get(tp)
        ]
        if fresh:
            await self._thread.seek_to_beginning(*fresh)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self._drain_once()
        except (Exception, asyncio.CancelledError) as error:
            if not self.app.should_stop:  # else: whatever breaks while everything ends is no news
                if explained(error):
                    self.transport.fail(error)
                raise

    async def _drain_once(self) -> None:
        # short while somebody is held, so that one who is let go does not wait for the others'
        # silence
        asked = self._wait_next_records(0.2 if self.held else 1.0)
        records, active = await reach_amid(Point.FETCH, asked)
        await asyncio.sleep(0)
        if records is None or self.should_stop:
            return
        generation = self.app.consumer_generation_id
        if not self.flow_active:
            # a rebalance may take partitions away meanwhile: this comes again once it is over
            with suppress(IllegalStateError):
                await self.perform_seek()
            return
        for tp, fetches in records.items():
            if generation != self.app.consumer_generation_id:
                break  # the rest is another generation's; it will be fetched again
            expected = active is None or tp in active or tp in self._buffered_partitions
            if fetches and expected:
                self._last_records = time.monotonic()
                self._note_end(tp, fetches[-1].after)
                await self._deliver(tp, fetches, generation)
        self._set_wait()

    def _note_end(self, tp: TP, after: int) -> None:
        """Whether there is more of the partition than has come."""
        end = self.end_offset(tp)
        if end is not None and after < end:
            self._behind.add(tp)
        else:
            self._behind.discard(tp)

    async def _deliver(self, tp: TP, fetches: list[Any], generation: int) -> None:
        last = fetches[-1].after - 1
        seen = self._read_offset[tp]
        if seen is not None and last < seen:
            return
        message = ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last,
            timestamp=0.0,
            timestamp_type=0,
            headers=(),
            key=None,
            value=fetches,
            checksum=None,
            tp=tp,
            generation_id=generation,
        )
        await self.wait_first(self.callback(message), self.suspend_flow.wait())
        if generation == self.app.consumer_generation_id:
            # set by a batch of an older generation, it would make the next one's first batches be
            # skipped
            self._read_offset[tp] = last

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit nothing: offsets travel in transactions. Only forget the acks, or they pile up."""
        for tp in list(self._acked):
            self._acked[tp].clear()
            self._acked_index[tp].clear()
        return False


class ColumnarTransport(driver.Transport):
    """Faust's aiokafka transport with the consumer above."""

    Consumer = ColumnarConsumer
    # told what the broker does not allow or has damaged; Faust would go on with a consumer that
    # reads nothing
    fail: Callable[[BaseException], object]
    # what is made of each fetch on the consumer's thread, before the worker asks for it
    prepare: fetcher.Prepare = staticmethod(fetcher.as_it_is)
