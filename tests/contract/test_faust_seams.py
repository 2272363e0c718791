"""The private parts of Faust that the transport and the table stand on.

A new version must not move one unseen.
"""

import inspect
from collections.abc import Sequence

import faust
import pytest
from aiokafka.errors import IllegalStateError
from faust.tables.recovery import Recovery
from faust.tables.table import Table
from faust.transport.consumer import Consumer as BaseConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from streams.app import WorkerApp
from streams.errors import SeamError
from streams.kafka import transport
from streams.kafka.columns import Fetched
from streams.kafka.table import ChangelogTable
from streams.kafka.transport import (
    ColumnarConsumer,
    ColumnarThread,
    ColumnarTransport,
    require_seams,
)
from streams.process import BoundedWorker


def test_what_is_installed_is_what_was_read() -> None:
    require_seams()


def test_another_version_is_refused_before_it_does_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(transport.PINNED, "aiokafka", "0.13.0")
    with pytest.raises(SeamError, match=r"installed: aiokafka 0\.14\.0"):
        require_seams()


def test_every_method_that_is_overridden_is_there_and_takes_the_same() -> None:
    for ours, theirs, names in (
        (
            ColumnarConsumer,
            driver.Consumer,
            ["_new_consumer_thread", "_getmany", "_drain_messages", "perform_seek", "force_commit"],
        ),
        (ColumnarThread, driver.AIOKafkaConsumerThread, ["_create_worker_consumer"]),
        (
            ChangelogTable,
            Table,
            ["on_rebalance", "apply_changelog_batch", "on_recovery_completed"],
        ),
        (BoundedWorker, faust.Worker, ["_schedule_shutdown"]),
        (WorkerApp, faust.App, ["_crash", "_create_directories", "on_first_start"]),
    ):
        for name in names:
            mine, base = (
                list(inspect.signature(getattr(c, name)).parameters) for c in (ours, theirs)
            )
            assert mine == base, name


def test_the_consumer_has_the_books_that_are_kept_for_it() -> None:
    source = inspect.getsource(BaseConsumer)
    for attribute in (
        "_read_offset",
        "_acked",
        "_acked_index",
        "_buffered_partitions",
        "flow_active",
        "suspend_flow",
        "_wait_next_records",
    ):
        assert f"self.{attribute}" in source or f"def {attribute}" in source, attribute


def test_no_commit_but_the_forced_one_exists() -> None:
    """`commit` must go through `force_commit`, which commits nothing here."""
    assert "self.force_commit(" in inspect.getsource(BaseConsumer.commit)


def test_the_worker_consumer_fixes_what_is_set_afterwards() -> None:
    source = inspect.getsource(driver.AIOKafkaConsumerThread._create_worker_consumer)
    assert "fetch_max_wait_ms=1500" in source
    assert "isolation_level=isolation_level" in source


def test_recovery_runs_behind_the_tables_own_rebalance() -> None:
    """Fence first, recover second: the table is told before recovery is started."""
    source = inspect.getsource(type(faust.App("seam", web_enabled=False).tables).on_rebalance)
    assert source.index("table.on_rebalance") < source.index("recovery.on_rebalance")


def test_recovery_keeps_offsets_that_have_to_be_forgotten() -> None:
    assert "active_offsets" in Recovery.__annotations__
    source = inspect.getsource(Recovery)
    assert "offset > seen_offset" in source
    assert "table.on_recovery_completed(" in source


def test_a_message_takes_any_value() -> None:
    tp = TP("t", 0)
    message = ConsumerMessage("t", 0, 7, 0.0, 0, (), None, ["fetch"], None, tp=tp, generation_id=3)
    assert (message.value, message.offset, message.generation_id) == (["fetch"], 7, 3)


def test_an_app_takes_the_transport() -> None:
    app = faust.App("seam", broker="kafka://127.0.0.1:1", web_enabled=False)
    app.transport = ColumnarTransport(app.conf.broker_consumer, app)
    assert app.transport.Consumer is ColumnarConsumer


class Recorder:
    """An owner that remembers what it was told."""

    def __init__(self) -> None:
        self.ended: list[set[int]] = []

    async def rebalance(self, gone: set[TP], new: set[TP]) -> None: ...

    def restore(self, partition: int, fetches: Sequence[Fetched]) -> None: ...

    def recovered(self, partitions: set[int]) -> None:
        self.ended.append(set(partitions))


async def test_a_recovery_that_was_broken_off_is_no_end() -> None:
    owner = Recorder()
    app = faust.App("seams", store="memory://")
    table = ChangelogTable(app, topic="changelog", partitions=1, owner=owner, follower=owner)
    recovery = app.tables.recovery
    recovery.signal_recovery_start.set()  # what the next rebalance does
    await table.on_recovery_completed({TP("changelog", 0)}, set())
    assert owner.ended == []
    recovery.signal_recovery_start.clear()
    await table.on_recovery_completed({TP("changelog", 0)}, set())
    assert owner.ended == [{0}]
    recovery._stopped.set()
    await table.on_recovery_completed({TP("changelog", 0)}, set())
    assert owner.ended == [{0}]


def test_recovery_swallows_that_it_was_broken_off() -> None:
    source = inspect.getsource(Recovery._restart_recovery.fun)
    waiting = source[source.index("self.signal_recovery_end.wait()") :]
    assert waiting.index("except Exception") < waiting.index("on_recovery_completed")


async def test_a_seek_that_a_rebalance_overtakes_is_left_to_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = faust.App("seams", store="memory://")
    app.transport = ColumnarTransport(app.conf.broker_consumer, app)
    consumer = app.consumer
    sought = []

    async def nothing_new(_seconds: float) -> tuple[dict[TP, list[Fetched]], None]:
        return {}, None

    async def overtaken() -> dict[TP, int]:
        sought.append(True)
        raise IllegalStateError("No current assignment for partition")

    monkeypatch.setattr(consumer, "_wait_next_records", nothing_new)
    monkeypatch.setattr(consumer, "seek_to_committed", overtaken)
    consumer.flow_active = False
    await consumer._drain_once()
    assert sought
