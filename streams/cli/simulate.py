"""`offbeat simulate`: customers whose changes are known, into files or onto topics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli import options
from streams.cli.tuning import midnight
from streams.errors import InputError

if TYPE_CHECKING:
    from detectors.lab.scenario import Scenario
    from detectors.lab.simulate import Simulation
    from streams.settings import Settings
    from streams.sources.pace import Pace

TRUTH = "truth.jsonl"


def command(
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 1000,
    days: Annotated[float, typer.Option(help="How many days of event time.")] = 365.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 0,
    start: Annotated[str, typer.Option(help="First day, 2025-01-01 (UTC).")] = "2025-01-01",
    drifting: Annotated[
        float, typer.Option(help="Share of the customers that drift, all kinds alike.")
    ] = 0.2,
    silent: Annotated[
        list[str] | None,
        typer.Option(help="This customer falls silent at 60 % of the time: c-000007. Repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help=f"Folder: a JSON Lines file a topic, and {TRUTH}.")
    ] = None,
    broker: options.Broker = None,
    config: options.Config = None,
    create_topics: Annotated[
        bool, typer.Option("--create-topics", help="Create the topics that are missing.")
    ] = False,
    rate: Annotated[float | None, typer.Option(help="Events a second. Default: no limit.")] = None,
    compress: Annotated[
        float | None, typer.Option(help="Seconds of event time a second; 86400: a day a second.")
    ] = None,
) -> None:
    """Make customers whose changes are known: who drifts, how, and from when on.

    With --out into files, otherwise onto the input topics of the broker. The truth is printed, or
    written beside the files.
    """
    from detectors.lab.scenario import Scenario
    from detectors.lab.simulate import Simulation
    from streams.settings import load
    from streams.sources.pace import Pace

    scenario, pace = _checked(
        lambda: (
            Scenario(
                customers=customers,
                days=days,
                seed=seed,
                start=midnight(start, "start"),
                drifting=drifting,
                silent=tuple(_index(name) for name in silent or ()),
            ),
            Pace(rate, compress),
        )
    )
    simulation = Simulation(scenario)
    if out is not None:
        _to_files(simulation, pace, out)
    else:
        settings = load(config, broker=broker)
        asyncio.run(_to_topics(simulation, pace, settings, create_topics))


def _checked(make: Callable[[], tuple[Scenario, Pace]]) -> tuple[Scenario, Pace]:
    try:
        return make()
    except ValueError as error:
        raise InputError(str(error), remedy="See: offbeat simulate --help.") from error


def _index(name: str) -> int:
    number = name.removeprefix("c-")
    if not number.isdecimal():
        raise ValueError(f"silent must name a customer like c-000007, got {name!r}")
    return int(number)


def _truth(simulation: Simulation) -> Iterator[bytes]:
    """A JSON object for each customer that drifted; `left` is null for who stays beyond the end."""
    import orjson

    from detectors.lab.scenario import DRIFTS
    from detectors.lab.simulate import customer_id
    from schemas.instants import rfc3339

    for row in simulation.truth.tolist():
        customer, kind, onset, left = row
        stays = left > simulation.scenario.end
        yield orjson.dumps(
            {
                "customer_id": customer_id(customer),
                "kind": DRIFTS[kind].value,
                "onset": rfc3339(onset),
                "left": None if stays else rfc3339(left),
            }
        )


def _to_files(simulation: Simulation, pace: Pace, out: Path) -> None:
    from detectors.observations import Input
    from streams.cli.progress import progress
    from streams.sources.lines import Naming, encode

    out.mkdir(parents=True, exist_ok=True)
    (out / TRUTH).write_bytes(b"".join(line + b"\n" for line in _truth(simulation)))
    total = 0
    started = time.monotonic()
    with ExitStack() as stack:
        files = [
            stack.enter_context((out / f"{source.name.lower()}.jsonl").open("wb"))
            for source in Input
        ]
        advance = stack.enter_context(progress("Simulating"))
        for due, events in pace.split(simulation.events()):
            time.sleep(max(0.0, started + due - time.monotonic()))
            for lines in encode(events, Naming()):
                files[lines.source].write(b"\n".join([*lines.values, b""]))
            total += events.size
            advance(events.size)
    print(f"{total:,} events and {len(simulation.truth):,} customers that drift are in {out}")


async def _to_topics(
    simulation: Simulation, pace: Pace, settings: Settings, create_topics: bool
) -> None:
    from streams.cli.progress import progress
    from streams.sources.kafka import Sender
    from streams.sources.lines import Naming, encode

    if create_topics:
        from streams.kafka.topics import create

        await create(settings)
    total = 0
    async with Sender(settings) as sender:
        started = time.monotonic()
        with progress("Sending") as advance:
            for due, events in pace.split(simulation.events()):
                await asyncio.sleep(max(0.0, started + due - time.monotonic()))
                await sender.send(encode(events, Naming()))
                total += events.size
                advance(events.size)
    for line in _truth(simulation):
        print(line.decode())
