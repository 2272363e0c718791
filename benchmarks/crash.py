"""Two workers, killed and paused: what readers find equals an undisturbed run.

A replay through Kafka: the same topics are consumed twice, each time by a group of its own with
outputs of its own. Once in peace; once with a SIGKILL again and again and one SIGSTOP past the
session timeout, after which the paused worker comes back as a zombie. Compared are the alerts that
a reader of committed data finds, by (alert_id, sequence, status).
"""

import argparse
import asyncio
import random
import signal
import sys
import time
from collections import Counter

import numpy as np

from benchmarks.harness import (
    Worker,
    committed,
    console,
    create_topics,
    ends,
    environment,
    named,
    read_alerts,
    wait_until_consumed,
    workers,
)
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from streams.cli.progress import progress
from streams.figures import write_figures
from streams.kafka.broker import bootstrap
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Naming, encode

SESSION_SECONDS = 6.0
PAUSE_SECONDS = 9.0  # past the session timeout: the group has given the partitions away
# Small record batches, small fetches and frequent commits: the way has to be long enough for a
# worker to be struck on it again and again.
SENT_TOGETHER = 1000
TIMING = {
    "kafka_session_timeout_seconds": str(SESSION_SECONDS),
    "kafka_heartbeat_seconds": "1.5",
    "kafka_fetch_partition_bytes": "8192",
    "checkpoint_seconds": "0.1",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=4000)
    arguments.add_argument("--kills", type=int, default=6)
    arguments.add_argument("--seed", type=int, default=7)
    options = arguments.parse_args()
    with bootstrap(None) as broker:
        figures = asyncio.run(run(broker, options.customers, options.kills, options.seed))
    write_figures("crash", figures)
    wrong = figures["missing"] or figures["extra"] or figures["twice"]
    sys.exit(bool(wrong) or figures["kills"] < options.kills)


async def run(broker: str, customers: int, kills: int, seed: int) -> dict[str, float]:
    stamp = format(int(time.time()), "x")
    calm = named(broker, f"calm-{stamp}", inputs=f"in-{stamp}", clock="event")
    rough = named(broker, f"rough-{stamp}", inputs=f"in-{stamp}", clock="event")
    await create_topics(calm)
    await create_topics(rough)
    total = await fill(calm, customers, seed)
    quiet = [Worker(f"{calm.group}-{i}", environment(calm, **TIMING)) for i in range(2)]
    console.print(f"{total:,} events are in the topics; first an undisturbed run …")
    with workers(*quiet):
        await wait_until_consumed(calm, total, quiet, 600)
        await asyncio.sleep(3)
    truth = await read_alerts(calm)
    console.print(f"{len(truth):,} alerts; now with faults …")
    started = time.monotonic()
    rng = random.Random(seed)  # noqa: S311 (no secret: when to strike whom, the same in every run)
    faults = await disturbed(rough, total, kills, rng)
    found = await read_alerts(rough)
    expected, actual = (Counter(map(key, alerts)) for alerts in (truth, found))
    return {
        "events": total,
        "alerts": len(truth),
        "kills": faults["kills"],
        "pauses": faults["pauses"],
        "zombies_ended": faults["zombies_ended"],
        "missing": (expected - actual).total(),
        "extra": sum(n for k, n in actual.items() if k not in expected),
        "twice": sum(n - 1 for n in actual.values() if n > 1),
        "seconds_disturbed": time.monotonic() - started,
    }


def key(alert: dict[str, str]) -> tuple[str, ...]:
    return alert["alert_id"], str(alert["sequence"]), alert["status"]


async def fill(settings: Settings, customers: int, seed: int) -> int:
    """Send a year of simulated customers; how many events that were."""
    simulation = Simulation(Scenario(customers=customers, days=365, seed=seed, drifting=0.3))
    with progress("Sending") as advance:
        async with Sender(settings) as sender:
            for chunk in simulation.events():
                for part in np.array_split(chunk, len(chunk) // SENT_TOGETHER + 1):
                    await sender.send(encode(part, Naming()))
                advance(len(chunk))
    return sum((await ends(settings, settings.topics.inputs)).values())


async def disturbed(
    settings: Settings, total: int, kills: int, rng: random.Random
) -> dict[str, int]:
    """Consume everything, with faults spread over the way."""
    pair = [Worker(f"{settings.group}-{i}", environment(settings, **TIMING)) for i in range(2)]
    faults = [signal.SIGKILL] * kills
    faults.insert(kills // 2, signal.SIGSTOP)
    counts = {"kills": 0, "pauses": 0, "zombies_ended": 0}
    with workers(*pair), progress("disturbed run", total=total) as advance:
        done = 0
        for left in range(len(faults), 0, -1):
            # spread over what is left of the way, and not at round numbers
            mark = done + (total - done) / (left + 1) * rng.uniform(0.3, 1.0)
            while (now := await committed(settings)) < mark:
                advance(now - done)
                done = now
                await asyncio.sleep(0.05)
            if now == total:
                break
            victim = rng.choice([worker for worker in pair if worker.running] or pair)
            if faults[left - 1] is signal.SIGSTOP:
                counts["pauses"] += 1
                counts["zombies_ended"] += await pause(victim)
            elif victim.running:
                victim.signal(signal.SIGKILL)
                victim.wait(10)
                counts["kills"] += 1
            for worker in pair:
                if not worker.running:
                    worker.start()
        await keep_running(settings, pair, total, 600)
        await asyncio.sleep(3)
    return counts


async def pause(worker: Worker) -> bool:
    """Stop it past its session, let it go on; whether it then ended itself within 20 s."""
    worker.signal(signal.SIGSTOP)
    await asyncio.sleep(PAUSE_SECONDS)
    worker.signal(signal.SIGCONT)
    for _ in range(200):
        if not worker.running:
            return True
        await asyncio.sleep(0.1)
    return False


async def keep_running(settings: Settings, pair: list[Worker], total: int, seconds: float) -> None:
    """As a supervisor would: restart what ended, until everything is consumed."""
    until = time.monotonic() + seconds
    while await committed(settings) < total:
        if time.monotonic() > until:
            raise TimeoutError(f"not consumed; see {pair[0].log_path} and {pair[1].log_path}")
        for worker in pair:
            if not worker.running:
                worker.start()
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    main()
