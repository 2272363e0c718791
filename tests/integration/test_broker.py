"""The embedded broker: it serves, it survives a kill, and it never outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.errors import BrokerError
from streams.kafka.broker import EmbeddedBroker, bootstrap

_CHILD = """
import sys, time
from streams.errors import BrokerError
from streams.kafka.broker import EmbeddedBroker
broker = EmbeddedBroker()
broker.start()
print(broker.pid, broker._folder, flush=True)
time.sleep(600)
"""


async def _create(address: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def _write(address: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id=f"writer-of-{topic}")
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def _read(address: str, topic: str) -> bytes:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=f"reader-of-{topic}",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        return bytes((await consumer.getone()).value)
    finally:
        await consumer.stop()


def _within(seconds: float, what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return what()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_transaction_is_written_and_read_back(broker: str) -> None:
    await _create(broker, "broker-roundtrip")
    await _write(broker, "broker-roundtrip", b"one")
    assert await _read(broker, "broker-roundtrip") == b"one"


async def test_a_killed_broker_comes_back_with_its_address_and_data() -> None:
    with EmbeddedBroker() as embedded:
        address = embedded.bootstrap
        await _create(address, "kept")
        await _write(address, "kept", b"before the kill")
        embedded.kill()
        assert embedded.pid is None
        embedded.start()
        assert embedded.bootstrap == address
        assert await _read(address, "kept") == b"before the kill"
        embedded.restart()
        await _write(address, "kept", b"after the restart")


async def test_a_given_folder_keeps_the_data_from_one_broker_to_the_next(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as first:
        await _create(first.bootstrap, "kept")
        await _write(first.bootstrap, "kept", b"yesterday")
    with EmbeddedBroker(tmp_path) as second:
        assert await _read(second.bootstrap, "kept") == b"yesterday"


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_broker_and_its_folder_go_with_their_parent(ending: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        assert _alive(int(pid))
        assert Path(folder).is_dir()
        parent.send_signal(ending)
        parent.wait()
    assert _within(15, lambda: not _alive(int(pid)))
    assert _within(5, lambda: not Path(folder).exists())


def test_a_port_that_is_taken_is_refused_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        start = "from streams.kafka.broker import EmbeddedBroker; EmbeddedBroker(port={}).start()"
        ended = subprocess.run(
            [sys.executable, "-c", start.format(port)],
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode != 0
    assert "the port is taken" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").write_text("version=1\nnode.id=7\n")
    with pytest.raises(BrokerError, match=r"exit code 1[\s\S]*meta\.properties"):
        EmbeddedBroker(tmp_path).start()


def test_the_command_prints_the_address_and_ends_in_order() -> None:
    command = [
        sys.executable,
        "-c",
        "from streams.cli import main; main()",
        "broker",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("127.0.0.1:")
        process.terminate()
        assert process.wait(30) == 0


def test_an_address_that_is_given_wins_over_an_embedded_broker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFBEAT_BROKER", "kafka.example:9092")
    with bootstrap(None) as address:
        assert address == "kafka.example:9092"
    with bootstrap("other.example:9092") as address:
        assert address == "other.example:9092"
