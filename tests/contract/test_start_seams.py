"""What a quick start, and quick fetches, take for granted of Faust and aiokafka."""

import inspect
import time

import faust
from aiokafka.consumer import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from faust.tables.manager import TableManager

from streams.kafka.table import Tables
from streams.kafka.transport import BUSY_MS, BUSY_SECONDS, FETCH_MS, ColumnarTransport


def test_fausts_tables_do_what_ours_do_and_wait_a_second_before() -> None:
    lines = [line.strip() for line in inspect.getsource(TableManager.on_start).splitlines()]
    assert lines[2:] == [
        "await self.sleep(1.0)",
        "if not self.should_stop:",
        "await self._update_channels()",
        "await self.recovery.start()",
    ]
    assert type(faust.App("seams", store="memory://", TableManager=Tables).tables) is Tables


async def test_how_long_a_fetch_waits_is_looked_up_at_each_fetch() -> None:
    assert "self._fetch_max_wait_ms," in inspect.getsource(Fetcher._get_actions_per_node)
    app = faust.App("seams", store="memory://")
    app.transport = ColumnarTransport(app.conf.broker_consumer, app)
    consumer = app.consumer
    consumer.fetch_within(7)  # before there is a fetcher: nothing
    thread = consumer._thread = consumer._new_consumer_thread()
    thread._consumer = AIOKafkaConsumer()

    class Fetching:
        _fetch_max_wait_ms = 500

    thread._consumer._fetcher = Fetching()
    consumer.fetch_within(7)
    assert thread._consumer._fetcher._fetch_max_wait_ms == 7
    consumer.fetch_within(FETCH_MS)
    assert thread._consumer._fetcher._fetch_max_wait_ms == FETCH_MS
    consumer._last_records = time.monotonic()
    consumer.fetch_within(FETCH_MS)
    assert thread._consumer._fetcher._fetch_max_wait_ms == BUSY_MS
    consumer._last_records -= BUSY_SECONDS
    consumer.fetch_within(FETCH_MS)
    assert thread._consumer._fetcher._fetch_max_wait_ms == FETCH_MS
    thread._consumer._fetcher = None


def test_records_that_wait_hold_up_the_next_fetch_by_a_time_that_can_be_set() -> None:
    assert "record.calculate_backoff()" in inspect.getsource(Fetcher._get_actions_per_node)
    assert "backoff=self._prefetch_backoff," in inspect.getsource(Fetcher._proc_fetch_request)
