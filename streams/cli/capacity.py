"""`offbeat capacity`: how many workers, and how much memory and disk.

`python -m streams.cli.capacity` prints the table of docs/capacity.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streams.capacity import Capacity

GIB = 1 << 30
# From a shop in a town to a chain: customers, events a second at the peak.
EXAMPLES = ((1e5, 100.0), (1e6, 5e3), (5e6, 2e4), (1e7, 1e5), (5e7, 2e5))


def command(
    customers: Annotated[float, typer.Option(help="Whom the inputs speak of, as in 1e6.")] = 1e6,
    events_per_second: Annotated[float, typer.Option(help="Of all inputs, at the peak.")] = 1000.0,
    as_json: Annotated[bool, typer.Option("--json", help="An object instead of a table.")] = False,
) -> None:
    """Say how many partitions, workers, memory and disk such a load needs.

    Arithmetic over what `make bench` measured (docs/capacity.md). Asks no broker.
    """
    import dataclasses

    import orjson
    from rich.console import Console
    from rich.table import Table

    from streams.capacity import capacity
    from streams.errors import ConfigurationError

    try:
        found = capacity(round(customers), events_per_second)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            str(error), where="offbeat capacity", remedy="See `offbeat capacity --help`."
        ) from error
    if as_json:
        print(orjson.dumps(dataclasses.asdict(found), option=orjson.OPT_INDENT_2).decode())
        return
    table = Table(show_header=False)
    for name, value in rows(found):
        table.add_row(name, value)
    Console().print(table)


def rows(found: Capacity) -> list[tuple[str, str]]:
    """What is needed, in words."""
    return [
        ("customers", f"{found.customers:,}"),
        ("events a second", f"{found.events_per_second:,.0f}"),
        ("workers, one core each", f"{found.workers:,}"),
        ("partitions of each input", f"{found.partitions:,}"),
        ("memory a worker, GiB", f"{found.memory_bytes / GIB:.1f}"),
        ("changelog on the brokers, GiB a copy", f"{found.changelog_bytes / GIB:.1f}"),
        ("a restart, seconds", f"{found.restart_seconds:.0f}"),
        ("a worker that died is taken over within, seconds", f"{found.takeover_seconds:.0f}"),
        ("a minute of backlog is gone after, seconds", f"{60 * found.catch_up_ratio:.1f}"),
    ]


def page() -> str:
    """The examples as a table in Markdown."""
    from streams.capacity import capacity

    found = [rows(capacity(round(customers), rate)) for customers, rate in EXAMPLES]
    lines = [" | ".join(name for name, _ in found[0]), "|".join("---:" for _ in found[0])]
    lines += [" | ".join(value for _, value in one) for one in found]
    return "".join(f"| {line} |\n" for line in lines)


if __name__ == "__main__":
    print(page(), end="")
