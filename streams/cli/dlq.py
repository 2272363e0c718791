"""`offbeat dlq`: what was refused, why, and how it is sent again once it is mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.dead_letters import RejectReason
from streams.cli import options

if TYPE_CHECKING:
    from aiokafka import TopicPartition

    from streams.kafka.dead_letters import Letter, Seen, Survey
    from streams.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look at dead letters, and send them again.")

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]

InputName = Annotated[
    str, typer.Argument(metavar="INPUT", help="purchases, visits … or the topic's own name.")
]


@app.command("list")
def list_letters(
    config: options.Config = None,
    broker: options.Broker = None,
    name: Annotated[str | None, typer.Option("--input", help="Of this input alone.")] = None,
) -> None:
    """How many there are by input and reason, from when to when, and where the newest lies."""
    from rich.console import Console

    from streams.cli.letter_tables import letters_table
    from streams.kafka import dead_letters
    from streams.settings import load

    settings = load(config, broker=broker)
    inputs = [_input(settings, name)] if name else list(settings.topics.sources)

    async def look() -> Mapping[TopicPartition, Survey]:
        return await dead_letters.survey(settings, await _partitions(settings, inputs))

    Console().print(letters_table(asyncio.run(look()), lambda _: True))


@app.command()
def show(
    name: InputName,
    partition: Annotated[int, typer.Argument(help="Of the dead-letter topic.", min=0)],
    offset: Annotated[int, typer.Argument(help="In the dead-letter topic.", min=0)],
    config: options.Config = None,
    broker: options.Broker = None,
    full: Annotated[bool, typer.Option("--full", help="However long it is.")] = False,
) -> None:
    """One dead letter: why it is one, where it came from, and what it says.

    What a terminal would take for a command of its own is shown escaped.
    """
    from aiokafka import TopicPartition
    from rich.console import Console

    from schemas.topics import dead_letter_topic
    from streams.cli.letter_tables import letter_table, payload
    from streams.kafka import dead_letters
    from streams.settings import load

    settings = load(config, broker=broker)
    topic = dead_letter_topic(_input(settings, name))

    async def look() -> Letter:
        await _partitions(settings, [_input(settings, name)], partition)
        return await dead_letters.read_one(settings, TopicPartition(topic, partition), offset)

    letter = asyncio.run(look())
    console = Console()
    console.print(letter_table(letter))
    console.print(payload(letter.value, full), markup=False, highlight=False, soft_wrap=True)


@app.command()
def redrive(
    name: InputName,
    config: options.Config = None,
    broker: options.Broker = None,
    reason: Annotated[
        list[RejectReason] | None, typer.Option(help="Of this reason alone; may be repeated.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Written since then (UTC, or with +hh:mm).", formats=_TIMES),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Written until then.", formats=_TIMES)
    ] = None,
    partition: Annotated[
        int | None, typer.Option(help="Of this partition of the dead-letter topic alone.", min=0)
    ] = None,
    offsets: Annotated[
        str | None, typer.Option(metavar="FIRST-LAST", help="From offset to offset, both included.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent.")
    ] = False,
) -> None:
    """Send dead letters to their input again: the same key, value and partition, each once.

    Ended half-way, or run again, it goes on with what has not been sent yet. What is refused again
    comes back as a new dead letter that says so.
    """
    from rich.console import Console

    from streams.cli.letter_tables import letters_table
    from streams.cli.progress import progress
    from streams.kafka import dead_letters
    from streams.kafka.redrive import Choice, Redriven
    from streams.kafka.redrive import redrive as send_again
    from streams.settings import load

    settings = load(config, broker=broker)
    source = _input(settings, name)
    first, last = _range(offsets)
    choice = Choice(
        frozenset(one.value for one in reason or ()), _ms(since), _ms(until), first, last
    )

    async def look() -> Mapping[TopicPartition, Survey]:
        partitions = await _partitions(settings, [source], partition)
        return await dead_letters.survey(settings, partitions)

    async def send(
        counts: Mapping[TopicPartition, int], advance: Callable[[int], None]
    ) -> Redriven:
        from streams.kafka.topics import partition_counts

        size = (await partition_counts(settings, [source]))[source]
        total = Redriven()
        for letters in (tp for tp, count in counts.items() if count):
            done = await send_again(settings, letters, source, size, choice, advance)
            total.sent += done.sent
            total.unfit += done.unfit
        return total

    found = asyncio.run(look())
    counts = {tp: len(_waiting(one, choice)) for tp, one in found.items()}
    console = Console()
    if dry_run:
        console.print(letters_table(found, lambda seen: choice(*seen)))
        print(f"{sum(counts.values()):,} would be sent to {source} again.")
        return
    with progress("Sending again", sum(counts.values()), "records") as advance:
        done = asyncio.run(send(counts, advance))
    print(f"{done.sent:,} sent to {source} again.")
    if done.unfit:
        print(
            f"{done.unfit:,} cannot be: too large, cut when they were kept, or without the place "
            "that they came from. They stay where they are."
        )


def _input(settings: Settings, name: str) -> str:
    """The input topic that is meant by its kind, its name, or that of its dead letters."""
    from schemas.events import INCOMING
    from schemas.topics import dead_letter_topic
    from streams.errors import InputError

    sources = settings.topics.sources
    for kind, topic in zip(INCOMING, sources, strict=False):  # the customers' may be missing
        if name in (kind, topic, dead_letter_topic(topic)):
            return topic
    raise InputError(
        "no such input",
        where=name,
        remedy=f"Accepted: {', '.join([*list(INCOMING)[: len(sources)], *sources])}.",
    )


async def _partitions(
    settings: Settings, inputs: Iterable[str], number: int | None = None
) -> list[TopicPartition]:
    """The partitions of the inputs' dead-letter topics, or that one of each."""
    from aiokafka import TopicPartition

    from schemas.topics import dead_letter_topic
    from streams.errors import InputError
    from streams.kafka.topics import partition_counts

    counts = await partition_counts(settings, [dead_letter_topic(topic) for topic in inputs])
    found = [TopicPartition(topic, n) for topic, count in counts.items() for n in range(count)]
    if number is None:
        return found
    one = [tp for tp in found if tp.partition == number]
    if not one:
        raise InputError(
            f"there is no partition {number}",
            where=", ".join(counts),
            remedy=f"Accepted: 0 to {max(counts.values()) - 1}.",
        )
    return one


def _waiting(one: Survey, choice: Callable[[int, int, str], bool]) -> list[Seen]:
    return [x for x in one.letters if choice(*x) and x.offset not in one.sent_again]


def _ms(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _range(text: str | None) -> tuple[int | None, int | None]:
    from streams.errors import InputError

    if text is None:
        return None, None
    first, dash, last = text.partition("-")
    if not (dash and all(not part or part.isdecimal() for part in (first, last)) and text != "-"):
        raise InputError(
            f"{text!r} is no range", where="--offsets", remedy="Accepted: 10-20, 10- or -20."
        )
    return int(first) if first else None, int(last) if last else None
