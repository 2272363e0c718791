"""Strike workers and their broker in every way we know; what comes out must stay the same.

One seeded stream of events, with duplicates, late and broken records, goes into topics of an
embedded Apache Kafka. An undisturbed run says what has to come out: state, alerts with their ids
and sequences, examples, dead letters. Then, in topics of its own each, it is done again and again,
each time with a fault, under a supervisor that restarts what ends. Every run is compared with the
undisturbed one, as a reader of committed data finds it; a reader of uncommitted data may see at
most the same (id, sequence) again.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from statistics import mean

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.faults import stream
from benchmarks.faults.catalogue import FAULTS, Fault
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.run import Run, disturbed, undisturbed
from benchmarks.harness import console
from streams.cli.progress import Advance, progress
from streams.figures import Figure, write_figures
from streams.kafka.broker import EmbeddedBroker

# A fault may come too late, when everything was consumed. That is no disturbed run: once more, with
# other moments, and a failure of the suite if it comes too late again.
ATTEMPTS = 3
COUNTS = ("lost", "twice", "wrong_ids", "false_silences", "state_differs")


def main() -> None:
    arguments = argparse.ArgumentParser(prog="benchmarks.faults", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one run of most faults")
    arguments.add_argument("--customers", type=int, default=80)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--lanes", type=int, default=2, help="runs at a time, a broker each")
    arguments.add_argument(
        "--only", default="", help="faults whose name contains one of these, with commas"
    )
    arguments.add_argument("--runs", type=int, help="of each fault, instead of its own number")
    arguments.add_argument("--minutes", type=float, default=120.0, help="then begin no more runs")
    arguments.add_argument("--keep-logs", action="store_true", help="of clean runs too")
    options = arguments.parse_args()
    parts = options.only.split(",")
    chosen = [fault for fault in FAULTS if any(part in fault.name for part in parts)]
    wanted = [
        fault
        for fault in chosen
        for _ in range(options.runs or (fault.quick if options.quick else fault.runs))
    ]
    started = time.monotonic()
    events = stream.make(options.customers, options.seed)
    until = started + 60 * options.minutes
    runs = asyncio.run(suite(wanted, events, options.lanes, options.seed, until))
    for run in runs:
        if run.clean and not options.keep_logs:
            run.forget_logs()
    show(runs)
    figures = figures_of(runs, events) | {"minutes": (time.monotonic() - started) / 60}
    if not options.only:  # a look at one fault is no figure
        write_figures("faults-quick" if options.quick else "faults", figures)
    sys.exit(not all(run.clean for run in runs) or len(runs) < len(wanted))


async def suite(
    wanted: list[Fault], events: stream.Stream, lanes: int, seed: int, until: float
) -> list[Run]:
    """All runs, `lanes` at a time; none begins after `until`."""
    stamp = format(int(time.time()), "x")
    rng = random.Random(seed)  # noqa: S311 (no secret: when to strike whom)
    work = [(number, fault, rng.random()) for number, fault in enumerate(wanted)]
    runs: list[Run] = []
    with progress("Disturbed runs", total=len(wanted), unit="runs") as advance:
        brokers = [EmbeddedBroker(console=console) for _ in range(lanes)]
        try:
            for broker in brokers:
                await asyncio.to_thread(broker.start)
            console.print(
                f"{events.events:,} records, of which {events.twice} come twice, {events.late} "
                f"late and {events.broken} are broken; first an undisturbed run …"
            )
            truth = await undisturbed(brokers[0], events, f"calm-{stamp}")
            console.print(f"{_size(truth)}; now {len(wanted)} disturbed runs …")
            async with asyncio.TaskGroup() as group:
                for broker in brokers:
                    group.create_task(
                        lane(broker, events, truth, stamp, work, runs, advance, until)
                    )
        finally:
            for broker in brokers:
                await asyncio.to_thread(broker.stop)
    return runs


async def lane(
    broker: EmbeddedBroker,
    events: stream.Stream,
    truth: Outcome,
    stamp: str,
    work: list[tuple[int, Fault, float]],
    runs: list[Run],
    advance: Advance,
    until: float,
) -> None:
    """Takes what is next until nothing is left."""
    while work and time.monotonic() < until:
        number, fault, seed = work.pop(0)
        rng = random.Random(seed)  # noqa: S311 (no secret: when to strike whom)
        run = await disturbed(broker, events, f"f{number}-{stamp}", fault, truth, rng)
        for attempt in range(1, ATTEMPTS):
            if run.missed and run.verdict.clean:
                name = f"f{number}-{attempt}-{stamp}"
                run = await disturbed(broker, events, name, fault, truth, rng)
        runs.append(run)
        advance(1)
        if not run.clean:
            said = run.problem or str(run.verdict)
            console.print(f"[red]{escape(run.fault)}: {escape(said)}; see {run.logs}")


def show(runs: list[Run]) -> None:
    """One line a fault, and their sums."""
    heads = ("runs", "lost", "twice", "wrong ids", "false silences", "state differs", "misbehaved")
    table = Table(title="Against the undisturbed run", title_justify="left")
    table.add_column("fault", no_wrap=True)
    for head in (*heads, "recovery, s", "most"):
        table.add_column(head, justify="right")
    table.add_column("workers' exits")
    for name in dict.fromkeys(fault.name for fault in FAULTS):
        mine = [run for run in runs if run.fault == name]
        if mine:
            table.add_row(name, *_cells(mine))
    table.add_section()
    table.add_row("all", *_cells(runs))
    Console(width=max(console.width, 130)).print(table)


def _cells(runs: list[Run]) -> list[str]:
    recoveries = [seconds for run in runs for seconds in run.recoveries]
    exits: Counter[int] = Counter()
    for run in runs:
        exits += run.exits
    return [
        str(len(runs)),
        *(str(total(runs, name)) for name in COUNTS),
        str(misbehaved(runs)),
        f"{mean(recoveries):.1f}" if recoveries else "",
        f"{max(recoveries):.1f}" if recoveries else "",
        ", ".join(f"{code} ×{n}" for code, n in sorted(exits.items())),
    ]


def misbehaved(runs: list[Run]) -> int:
    """Runs in which a worker did what it must not, or the fault did not strike."""
    return sum(bool(run.problem) for run in runs)


def total(runs: list[Run], name: str) -> int:
    """The sum of one of COUNTS."""
    return sum(getattr(run.verdict, name) for run in runs)


def figures_of(runs: list[Run], events: stream.Stream) -> dict[str, Figure]:
    """Flat: the totals, and how long it took after each fault."""
    found: dict[str, Figure] = {
        "runs": len(runs),
        **{name: total(runs, name) for name in COUNTS},
        "misbehaved": misbehaved(runs),
        "records": events.events,
        "stop_seconds_max": max((s for run in runs for s in run.stops), default=0.0),
    }
    for fault in FAULTS:
        mine = [run for run in runs if run.fault == fault.name]
        if mine:
            key = fault.name.replace(",", "").replace(" ", "_")
            found[f"{key}_runs"] = len(mine)
            recoveries = [seconds for run in mine for seconds in run.recoveries]
            if recoveries:
                found[f"{key}_recovery_seconds_mean"] = mean(recoveries)
                found[f"{key}_recovery_seconds_max"] = max(recoveries)
    return found


def _size(truth: Outcome) -> str:
    alerts = sum(map(len, truth.alerts.values()))
    return (
        f"{alerts:,} alerts, {truth.examples.total():,} examples, {truth.letters.total():,} dead "
        f"letters, {len(truth.latest):,} rows of state and at-risk"
    )


if __name__ == "__main__":
    main()
