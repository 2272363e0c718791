"""`offbeat erase`: have customers forgotten, everywhere that is offbeat's."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli import options

if TYPE_CHECKING:
    from streams.settings import Settings


def command(
    customers: Annotated[
        list[str],
        typer.Argument(metavar="CUSTOMER…", help="customer_id; - reads one a line from stdin."),
    ],
    config: options.Config = None,
    broker: options.Broker = None,
    group: Annotated[str | None, typer.Option(help="Consumer group of the workers.")] = None,
    seconds: Annotated[
        float, typer.Option("--wait", min=0, help="How long to wait for the workers; 0: only ask.")
    ] = 60.0,
) -> None:
    """Ask the workers to forget customers, wait until they have, and clean the dead letters.

    It can be repeated at any time; who is not known is no error. Customers are never printed, and
    on the command line others can see them: - keeps them out of it.
    """
    from streams.settings import load

    settings = load(config, broker=broker, group=group)
    asyncio.run(_erase(settings, list(dict.fromkeys(_ids(customers))), seconds))


def _ids(given: list[str]) -> list[str]:
    from schemas.events import MAX_ID_CHARACTERS
    from streams.errors import InputError

    ids = [line.rstrip("\r\n") for line in sys.stdin] if given == ["-"] else given
    for number, one in enumerate(ids, 1):
        if not (0 < len(one) <= MAX_ID_CHARACTERS and one.isprintable()):
            raise InputError(
                f"customer {number} is no customer_id",
                where="standard input" if given == ["-"] else "CUSTOMER",
                remedy=f"Accepted: 1 to {MAX_ID_CHARACTERS} printable characters.",
            )
    return ids


async def _erase(settings: Settings, ids: list[str], seconds: float) -> None:
    from streams.kafka import erasing

    topic = erasing.customers_topic(settings)
    where = await erasing.places(settings, ids)
    asked = await erasing.request(settings, where)
    print(f"Asked for {_customers(len(ids))} to be erased, in {topic}.")
    if seconds == 0:
        print("Run it again without --wait 0 to see it done, and for the dead letters.")
        return
    await erasing.wait(settings, asked, seconds)
    letters = await erasing.clean_letters(settings, ids)
    await erasing.retract(settings, where)
    prefix = settings.topics.prefix
    print(
        f"Erased from the state. Tombstones are in {prefix}.state-changelog, {prefix}.at-risk, "
        f"{prefix}.alerts and {topic}: compaction removes what lies before them.\n"
        f"{letters} dead letters deleted; they leave the disk with their segment: in minutes, or "
        "with retention if it was begun within the hour.\n"
        f"Yours to do: {', '.join(settings.topics.inputs)} keep their events until retention, and "
        "whoever has read alerts keeps copies. Events that still come begin a new customer."
    )


def _customers(count: int) -> str:
    return f"{count} customer{'' if count == 1 else 's'}"
