"""What a second process brings: events a second and CPU an event of one, and of two beside it.

Both read the same topics, each run as a group of its own with `offbeat worker --processes N`. On a
machine with two cores the broker, its readers' fetches and the transactions share them with the
workers, so two processes cannot have twice the wall; CPU an event says what the second one costs.
"""

import asyncio
import re
import time
from statistics import median

import orjson
from aiokafka.errors import KafkaError

from benchmarks.harness import Worker, committed, cpu_seconds, create_topics, environment, named
from streams.settings import Settings

MEASURED = (0.15, 0.95)  # of the way: without the start, and without the last, smaller fetches
MOST_SECONDS = 300.0
LOOK_SECONDS = 0.1


async def scaling(inputs: Settings, total: int, rounds: int = 3) -> dict[str, float]:
    """Medians over so many rounds of one process and of two, over the `total` events of `inputs`.

    Flat: `events_per_second_1`, `events_per_second_2`, `cpu_us_1`, `cpu_us_2` (all processes of a
    run together), and `scaling_2_wall`, how many times as fast two are as one in the same round.
    The events must last some ten seconds: what is read before both have partitions does not count.
    Raises RuntimeError if they were read too soon for that.
    """
    rates: dict[int, list[float]] = {1: [], 2: []}
    costs: dict[int, list[float]] = {1: [], 2: []}
    for number in range(rounds):
        for processes in (1, 2):
            name = f"{inputs.group}-{processes}-{number}"
            settings = named(inputs.broker, name, inputs=inputs.group, clock="event")
            await create_topics(settings)
            rate, cost = await _run(settings, total, processes)
            rates[processes].append(rate)
            costs[processes].append(cost)
    return {
        "events_per_second_1": median(rates[1]),
        "events_per_second_2": median(rates[2]),
        "cpu_us_1": median(costs[1]),
        "cpu_us_2": median(costs[2]),
        "scaling_2_wall": median(two / one for one, two in zip(rates[1], rates[2], strict=True)),
    }


async def _run(settings: Settings, total: int, processes: int) -> tuple[float, float]:
    """Events a second and CPU us an event, between two points of the way."""
    worker = Worker(settings.group, environment(settings, processes=str(processes)))
    worker.start()
    marks: list[tuple[int, float, float]] = []
    try:
        until, done = time.monotonic() + MOST_SECONDS, 0
        while done < total * MEASURED[1]:
            if not worker.running or time.monotonic() > until:
                raise TimeoutError(f"{done} of {total} events were read; see {worker.log_path}")
            now = await _committed(settings)
            if now != done:
                done = now
                if done <= total * MEASURED[0] or not _all_have_partitions(worker, processes):
                    marks.clear()  # the last one before the measured part is where it begins
                marks.append((done, time.monotonic(), sum(map(cpu_seconds, _pids(worker)))))
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        worker.stop()
    if len(marks) < 2:
        raise RuntimeError(
            f"{total} events were read before {processes} processes had partitions and committed "
            f"twice; send more. See {worker.log_path}"
        )
    (first, since, cpu_since), (last, ended, cpu_ended) = marks[0], marks[-1]
    return (last - first) / (ended - since), (cpu_ended - cpu_since) / (last - first) * 1e6


async def _committed(settings: Settings) -> int:
    try:
        return await committed(settings)
    except KafkaError:  # a group that nobody has joined yet
        return 0


def _all_have_partitions(worker: Worker, processes: int) -> bool:
    """Whether the last rebalance of each process has brought it some."""
    lines = [orjson.loads(line) for line in worker.log_path.read_bytes().splitlines()]
    last = {
        line.get("process"): line["partitions"]
        for line in lines
        if line["event"] == "partitions.assigned"
    }
    return len(last) == processes and all(last.values())


def _pids(worker: Worker) -> list[int]:
    """Of those that do the work: a supervisor says whom it has started."""
    started = re.search(rb'^.*"workers.started".*$', worker.log_path.read_bytes(), re.MULTILINE)
    return list(orjson.loads(started[0])["pids"]) if started else [worker.pid]
