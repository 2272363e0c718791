"""One run: its topics, its workers and who restarts them, and how far it has come."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random

from aiokafka.errors import KafkaError

from benchmarks.faults import forked
from benchmarks.faults.cluster import Cluster
from benchmarks.harness import Launch, Worker, ends, environment
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.fault_points import VARIABLE
from streams.kafka.positions import committed_offsets
from streams.settings import Settings

SESSION_SECONDS = 4.0
STOP_SECONDS = 12.0
STOP_SLACK_SECONDS = 1.0  # of a busy machine
# Small fetches and frequent checkpoints: the way has to be long enough to be struck on. The model
# is silent: when a version of it takes effect is the trainer's matter, not the events'.
WORKER = {
    "kafka_session_timeout_seconds": str(SESSION_SECONDS),
    "kafka_heartbeat_seconds": "1",
    "kafka_fetch_partition_bytes": "4096",
    "kafka_transaction_timeout_seconds": "10",
    "checkpoint_seconds": "0.05",
    "stop_seconds": str(STOP_SECONDS),
    "model_min_labels": "1000000000",
    "model_refit_days": "0",
}
# One record batch a fetch, for faults that need a longer way.
SLOW = {"kafka_fetch_partition_bytes": "1024"}
RESTART_SECONDS = 0.2  # a supervisor's own pause
RUN_SECONDS = 120.0  # what has not been consumed by then counts as lost
RECOVERY_SECONDS = 60.0


class MissedError(Exception):
    """Everything was consumed before the fault could strike: this was no disturbed run."""


class MisbehavedError(Exception):
    """A worker did what it must not do, whatever came out in the end."""


class Scene:
    """What a fault may do, and what it may look at.

    Args:
        totals: events in the inputs, by partition.
        cluster: the nodes, if there is more than the one broker.
    """

    def __init__(
        self,
        broker: EmbeddedBroker,
        settings: Settings,
        totals: dict[int, int],
        rng: Random,
        cluster: Cluster | None = None,
    ) -> None:
        self.broker = broker
        self.cluster = cluster
        self.stops: list[float] = []  # seconds from SIGTERM to the end of a process
        self.settings = settings
        self.rng = rng
        self.workers: list[Worker] = []
        self.exits: Counter[int] = Counter()
        self._totals = totals
        self._tended: set[Worker] = set()
        self._ended: dict[Worker, list[int]] = {}
        self._to_be_struck: set[Worker] = set()

    # --- workers ----------------------------------------------------------------------------------

    def start(
        self,
        more: Mapping[str, str] | None = None,
        *,
        strike: str = "",
        launch: Launch = forked.launch,
    ) -> Worker:
        """One more worker; `more` are settings of it, `strike` is for its first start."""
        settings = {**WORKER, **(more or {})}
        name = f"{self.logs}-{len(self.workers)}"
        worker = Worker(name, environment(self.settings, **settings), launch)
        self.workers.append(worker)
        self._ended[worker] = []
        if strike:
            self._to_be_struck.add(worker)
        worker.start(**{VARIABLE: strike})
        self._tended.add(worker)
        return worker

    async def ask_to_end(self, worker: Worker) -> int:
        """SIGTERM, and no restart; its exit code.

        Raises:
            MisbehavedError: it does not end within its bound.
        """
        self.leave(worker)
        since = time.monotonic()
        worker.signal(signal.SIGTERM)
        code = await asyncio.to_thread(worker.wait, STOP_SECONDS + STOP_SLACK_SECONDS)
        if code is None:
            raise MisbehavedError(f"not within {STOP_SECONDS:g} s: a worker ends when it is asked")
        self.stops.append(time.monotonic() - since)
        self.exits[code] += 1
        return code

    async def until_logged(self, worker: Worker, event: str, times: int = 1) -> None:
        """Return when the worker's log has this event so often.

        Raises:
            MisbehavedError: not within a while.
        """

        async def is_there() -> bool:
            path = worker.log_path
            return path.exists() and path.read_text().count(f'"{event}"') >= times

        await self._wait(is_there, RECOVERY_SECONDS, f"{event} in {worker.log_path}", pause=0.02)

    def leave(self, worker: Worker) -> None:
        """Do not restart it."""
        self._tended.discard(worker)

    def stay(self, worker: Worker) -> None:
        """Start it again, and restart it when it ends."""
        worker.start()
        self._tended.add(worker)

    def ended(self, worker: Worker) -> list[int]:
        """Its exit codes so far, -n for a signal."""
        return self._ended[worker]

    async def tend(self) -> None:
        """As a supervisor would: restart what ended, for ever."""
        while True:
            for worker in list(self._tended):
                if not worker.running:
                    code = worker.wait(0) or 0
                    self._ended[worker].append(code)
                    self.exits[code] += 1
                    await asyncio.sleep(RESTART_SECONDS)
                    if worker in self._tended:
                        worker.start()
            await asyncio.sleep(0.05)

    # --- how far it has come ----------------------------------------------------------------------

    async def positions(self) -> dict[int, int]:
        """Committed events by partition; nothing when the broker does not answer."""
        options = {"bootstrap_servers": self.settings.broker, "request_timeout_ms": 3000}
        try:
            async with asyncio.timeout(4):
                offsets = await committed_offsets(options, self.settings.group)
        except (KafkaError, OSError, TimeoutError):
            return {}
        found: Counter[int] = Counter()
        for tp, where in offsets.items():
            if tp.topic in self.settings.topics.inputs:
                found[tp.partition] += max(where.offset, 0)
        return dict(found)

    async def share(self) -> float:
        """Of all events, those that are committed."""
        return sum((await self.positions()).values()) / sum(self._totals.values())

    async def until(self, share: float) -> None:
        """Return when so many have been consumed.

        Raises:
            MissedError: all have.
        """
        await self._wait(self._has(share), RUN_SECONDS, f"{share:.0%} of the events are consumed")
        if await self.share() >= 1.0:
            raise MissedError(f"all was consumed before {share:.0%} was seen")

    def _has(self, share: float) -> Callable[[], Awaitable[bool]]:
        async def reached() -> bool:
            return await self.share() >= share

        return reached

    async def consumed(self) -> bool:
        """Wait for all events; whether they came within the time of a run."""
        try:
            await self._wait(self._has(1.0), RUN_SECONDS, "all events are consumed")
        except MisbehavedError:
            return False
        return True

    async def recovered(self, since: float, before: dict[int, int]) -> float:
        """Seconds from `since` until every partition got on from `before`, or is at its end."""

        async def gets_on() -> bool:
            now = await self.positions()
            return all(
                now.get(n, 0) > before.get(n, 0) or now.get(n, 0) >= total
                for n, total in self._totals.items()
            )

        await self._wait(gets_on, RECOVERY_SECONDS, "all partitions get on again")
        return time.monotonic() - since

    async def until_ended(self, worker: Worker, seconds: float, what: str) -> None:
        """Return when this worker has ended once more.

        Raises:
            MisbehavedError: not within `seconds`.
        """
        before = len(self.ended(worker))

        async def has_ended() -> bool:
            return len(self.ended(worker)) > before

        await self._wait(has_ended, seconds, what, pause=0.05)

    async def until_struck(self, worker: Worker) -> None:
        """Return when this worker was ended, or stopped itself, at its fault point.

        Raises:
            MissedError: everything was consumed without that.
        """
        while not self.ended(worker):
            if state_of(worker.pid) == "T":
                return
            if await self.share() >= 1.0 and worker.running:
                raise MissedError("all was consumed before the fault point was reached")
            await asyncio.sleep(0.05)

    async def _wait(
        self, ready: Callable[[], Awaitable[bool]], seconds: float, what: str, pause: float = 0.2
    ) -> None:
        until = time.monotonic() + seconds
        while not await ready():
            if time.monotonic() > until:
                raise MisbehavedError(f"not within {seconds:g} s: {what}")
            await asyncio.sleep(pause)

    # --- the end ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End all workers.

        Raises:
            MisbehavedError: one did not end in order.
        """
        running = [worker for worker in self.workers if worker.running]
        self._tended.clear()
        codes = []
        for worker in running:
            since = time.monotonic()
            code = worker.stop()
            self.stops.append(time.monotonic() - since)
            if not self._struck_at_its_end(worker, code):
                codes.append(code)
        if any(codes):
            raise MisbehavedError(f"asked to end, workers ended with {codes}")

    def _struck_at_its_end(self, worker: Worker, code: int | None) -> bool:
        """Whether the blow itself ended it: the last transaction was the one to be struck."""
        if worker not in self._to_be_struck or self._ended[worker]:
            return False
        said = f"{VARIABLE} asked for a failure" in worker.log_path.read_text()
        return said or code == -signal.SIGKILL

    @property
    def logs(self) -> str:
        """How the names of the workers' logs begin."""
        return f"faults/{self.settings.group}"


async def totals(settings: Settings) -> dict[int, int]:
    """Events in the inputs of a run, by partition."""
    found: Counter[int] = Counter()
    for tp, end in (await ends(settings, settings.topics.inputs)).items():
        found[tp.partition] += end
    return dict(found)


def state_of(pid: int) -> str:
    """One letter of proc(5), T for stopped; empty when it is no more."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return ""
