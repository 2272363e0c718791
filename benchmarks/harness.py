"""What the benchmarks share: workers as processes, their topics, and what readers find."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from rich.console import Console

from schemas.topics import OutputTopics
from streams.kafka import topics
from streams.kafka.node import free_port
from streams.kafka.positions import committed_offsets
from streams.settings import Settings
from streams.settings_groups import Topics

console = Console(stderr=True)
LOGS = Path("build/logs")
OFFBEAT = Path(sys.executable).with_name("offbeat")


class Process(Protocol):
    """The part of subprocess.Popen that a worker needs."""

    @property
    def pid(self) -> int:
        """Of the operating system."""

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """To an ended process, nothing."""


# Starts `offbeat worker` with this environment, its output appended to this file.
Launch = Callable[[Mapping[str, str], Path], Process]


def launch(environment: Mapping[str, str], log: Path) -> Process:
    """As a user starts it: the console script."""
    with log.open("ab") as output:
        return subprocess.Popen([OFFBEAT, "worker"], env=environment, stdout=output, stderr=output)


class Worker:
    """`offbeat worker` as its own process; its log is kept in build/logs."""

    def __init__(self, name: str, settings: Mapping[str, str], launch: Launch = launch) -> None:
        self.name = name
        self._launch = launch
        port = free_port()
        self.pages = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            **{f"OFFBEAT_{key.upper()}": value for key, value in settings.items()},
            "OFFBEAT_WEB_PORT": str(port),
            "OFFBEAT_LOG_FORMAT": "json",
        }
        self._process: Process | None = None

    def start(self, **more: str) -> None:
        """Start it, with `more` in its environment this once.

        What it says is appended to the log of its name.
        """
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._process = self._launch({**self._environment, **more}, self.log_path)

    @property
    def pid(self) -> int:
        """Its process id; it must have been started."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def log_path(self) -> Path:
        """Where its log is."""
        return LOGS / f"{self.name}.log"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; of an ended process, nothing."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None while it runs."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> int | None:
        """Ask it to end; kill it when it does not within 20 s."""
        if self._process is None:
            return None
        if self.running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            if self.wait(20) is None:
                self.signal(signal.SIGKILL)
                self.wait(5)
        return self._process.poll()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def workers(*processes: Worker) -> Iterator[tuple[Worker, ...]]:
    """Start them; whatever happens, none is left behind."""
    try:
        for process in processes:
            process.start()
        yield processes
    finally:
        for process in processes:
            process.stop()


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """What a worker has to be told to use the same broker, topics and group."""
    return {
        "broker": settings.broker,
        "group": settings.group,
        "clock": settings.clock,
        "topics_prefix": settings.topics.prefix,
        **{
            f"topics_{name}": topic
            for name, topic in zip(
                ("purchases", "visits", "payments", "support"), settings.topics.inputs, strict=True
            )
        },
        "topics_partitions": str(settings.topics.partitions),
        **({"topics_customers": settings.topics.customers} if settings.topics.customers else {}),
        **more,
    }


def named(
    broker: str,
    name: str,
    *,
    inputs: str | None = None,
    partitions: int = 4,
    replication: int = 1,
    customers: bool = False,
    **more: Any,
) -> Settings:
    """Settings of a run of its own: group, outputs and (unless given) inputs bear its name.

    With `customers` there is a customers' topic too.
    """
    prefix = inputs or name
    own = {
        "prefix": name,
        "partitions": partitions,
        "replication": replication,
        "customers": f"{prefix}.customers" if customers else None,
        **{kind: f"{prefix}.{kind}" for kind in ("purchases", "visits", "payments", "support")},
    }
    return Settings(broker=broker, group=name, topics=Topics.model_validate(own), **more)


async def create_topics(settings: Settings) -> None:
    await topics.create(settings)


async def ends(
    settings: Settings, names: Iterable[str], *, isolation: str = "read_uncommitted"
) -> dict[TopicPartition, int]:
    """The end offset of every partition of these topics, for such a reader."""
    found = await partitions(settings, names)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.broker, isolation_level=isolation)
    await consumer.start()
    try:
        return dict(await consumer.end_offsets(found))
    finally:
        await consumer.stop()


async def partitions(settings: Settings, names: Iterable[str]) -> list[TopicPartition]:
    """Every partition of these topics, which must be there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker)
    await admin.start()
    try:
        # all topics, because asking for one by name may create it
        described = {topic["topic"]: topic for topic in await admin.describe_topics()}
    finally:
        await admin.close()
    return [
        TopicPartition(name, partition["partition"])
        for name in names
        for partition in described[name]["partitions"]
    ]


async def committed(settings: Settings) -> int:
    """The sum of the group's committed offsets over the inputs."""
    options = {"bootstrap_servers": settings.broker}
    offsets = await committed_offsets(options, settings.group)
    return sum(
        max(where.offset, 0) for tp, where in offsets.items() if tp.topic in settings.topics.inputs
    )


async def wait_until_consumed(
    settings: Settings, total: int, processes: Iterable[Worker], seconds: float
) -> None:
    """Return when the group has committed `total` events.

    Raises:
        TimeoutError: not within `seconds`; says how far it came, and where the logs are.
    """
    until = time.monotonic() + seconds
    while (done := await committed(settings)) < total:
        if time.monotonic() > until or not any(p.running for p in processes):
            logs = ", ".join(str(p.log_path) for p in processes)
            raise TimeoutError(f"{done} of {total} events were consumed; see {logs}")
        await asyncio.sleep(0.1)


async def wait_until_at_the_end(
    settings: Settings, processes: Iterable[Worker], seconds: float
) -> None:
    """Return when nothing is left to read, what workers have sent on to its partition included.

    Raises:
        TimeoutError: not within `seconds`, or the workers have ended; says where the logs are.
    """
    until = time.monotonic() + seconds
    while await committed(settings) < sum((await ends(settings, settings.topics.inputs)).values()):
        if time.monotonic() > until or not any(p.running for p in processes):
            logs = ", ".join(str(p.log_path) for p in processes)
            raise TimeoutError(f"the inputs were not read to their ends; see {logs}")
        await asyncio.sleep(0.2)


async def read_all(
    settings: Settings, *names: str, isolation: str = "read_committed"
) -> list[ConsumerRecord[bytes, bytes]]:
    """Every record of these topics that such a reader finds now.

    By partition, in the log's order.
    """
    all_ends = await ends(settings, names, isolation=isolation)
    end = {tp: offset for tp, offset in all_ends.items() if offset > 0}
    if not end:
        return []
    async with reading(settings, isolation=isolation) as consumer:
        consumer.assign(list(end))
        await consumer.seek_to_beginning()
        records: list[ConsumerRecord[bytes, bytes]] = []
        while any([await consumer.position(tp) < offset for tp, offset in end.items()]):
            for found in (await consumer.getmany(timeout_ms=200)).values():
                records += found
        return records


def reading(settings: Settings, *names: str, isolation: str = "read_committed") -> AIOKafkaConsumer:
    """Reads these topics, if any, from their beginning on; it is not started yet."""
    return AIOKafkaConsumer(
        *names,
        bootstrap_servers=settings.broker,
        isolation_level=isolation,
        auto_offset_reset="earliest",
    )


async def read_alerts(settings: Settings) -> list[dict[str, Any]]:
    """The alerts of a run, as a reader of committed data finds them."""
    records = await read_all(settings, OutputTopics(settings.topics.prefix).alerts)
    return [orjson.loads(record.value) for record in records if record.value is not None]
