"""`offbeat replay`: decide over files instead of topics, without a broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from streams.cli import options
from streams.errors import InputError

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from streams.alerts import AlertBuilder
    from streams.replay import Outage, Step
    from streams.sources.rows import Refused

ALERTS = "alerts.jsonl"
DEAD_LETTERS = "dead-letters.jsonl"

_REFUSED_SHOWN = 10


class Said(NamedTuple):
    """An alert on the wire, and where it belongs among the others."""

    time: float
    customer_id: bytes
    sequence: int
    status: str
    value: bytes


def command(
    path: Annotated[
        Path,
        typer.Argument(
            help="Folder with purchases.jsonl, visits.csv, payments.parquet and so on; or one such "
            "file; or one with an `input` field in every row."
        ),
    ],
    out: Annotated[Path, typer.Option(help=f"Folder for {ALERTS} and {DEAD_LETTERS}.")] = Path(
        "build/replay"
    ),
    partitions: Annotated[
        int, typer.Option(min=1, help="Spread the customers as over so many partitions.")
    ] = 1,
    as_written: Annotated[
        bool,
        typer.Option(
            "--as-written",
            help="Take rows in the files' order, as from a topic: one behind its turn is late. "
            "Default: by event time.",
        ),
    ] = False,
    show: Annotated[int, typer.Option(min=0, help="Most rows of the table of alerts.")] = 20,
    config: options.Config = None,
    profile: options.ProfileFile = None,
) -> None:
    """Decide over files: the worker's own ingest, order and engine, and no broker.

    The same files and settings give the same alerts, byte for byte. Customers are ranked by value
    among those of their partition, so spread them as the topics do to see what the worker said.
    Rows that are no events are reported and kept.
    """
    from streams.alerts import AlertBuilder
    from streams.cli.progress import progress
    from streams.replay import Replay
    from streams.settings import load, with_partitions
    from streams.sources.files import by_input

    settings = with_partitions(load(config, profile), partitions)
    builder = AlertBuilder(settings)
    refused: list[Refused] = []
    said: list[Said] = []
    rows = 0
    replay = Replay(settings, partitions)
    with progress("Replaying", unit="rows") as advance:
        for step in replay.run(by_input(path, refused, as_written=as_written)):
            refused += step.refused
            said += _alerts(step, builder)
            rows += step.rows
            advance(step.rows)
    said.sort()
    refused.sort(key=lambda row: (row.path.name, row.line))
    _write(out, said, refused)
    _report(refused, rows, path, out)
    _show_outages(replay.outages())
    _show(said, rows, show, out)


def _alerts(step: Step, builder: AlertBuilder) -> Iterator[Said]:
    from detectors.learning.scorer import Scorer
    from schemas.alerts import encode_all

    static = Scorer()
    for state, decisions in step.decisions:
        ids = [state.customer_id(row) for row in decisions.records["row"].tolist()]
        built = builder.build(decisions, ids, lambda _: static)
        for time, customer_id, alert, value in zip(
            decisions.records["time"].tolist(), ids, built, encode_all(built), strict=True
        ):
            yield Said(time, customer_id, alert.sequence, alert.status, value)


def _write(out: Path, said: list[Said], refused: list[Refused]) -> None:
    import orjson

    out.mkdir(parents=True, exist_ok=True)
    with (out / ALERTS).open("wb") as file:
        file.writelines(alert.value + b"\n" for alert in said)
    with (out / DEAD_LETTERS).open("wb") as file:
        for row in refused:
            letter = {
                "file": row.path.name,
                "line": row.line,
                "input": row.input,
                "reason": row.reason.value,
                "message": row.message,
                "value": row.value.decode(errors="replace"),
            }
            file.write(orjson.dumps(letter) + b"\n")


def _report(refused: list[Refused], rows: int, path: Path, out: Path) -> None:
    """Name the first refused rows. Raises InputError when there were no others."""
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    for row in refused[:_REFUSED_SHOWN]:
        console.print(f"{row.path.name}, line {row.line}: {row.reason.value}: {row.message}")
    if refused:
        console.print(f"{len(refused):,} rows are no events: {out / DEAD_LETTERS}")
    if refused and len(refused) >= rows:
        raise InputError(
            "not one row is an event",
            where=str(path),
            remedy=f"The reasons are in {out / DEAD_LETTERS}.",
        )


def _show(said: list[Said], rows: int, most: int, out: Path) -> None:
    from rich.console import Console

    from schemas.alerts import decode
    from streams.cli.alert_table import alert_table, counts_line

    console = Console(highlight=False)
    counts = counts_line(Counter(alert.status for alert in said))
    console.print(f"{rows:,} rows, {len(said):,} alerts ({counts}): {out / ALERTS}")
    opened = [decode(alert.value) for alert in said if alert.status == "opened"]
    foremost = sorted(opened, key=_at_stake, reverse=True)[:most]
    if foremost:
        title = f"The {len(foremost)} of {len(opened):,} opened alerts with most at stake"
        console.print(alert_table(foremost, console.width, title))


def _show_outages(outages: list[Outage]) -> None:
    from rich.console import Console

    from schemas.instants import rfc3339

    console = Console(highlight=False, soft_wrap=True)
    for one in outages:
        name, since, until = one.source.name.lower(), rfc3339(one.begin), rfc3339(one.end)
        console.print(
            f"{name} of partition {one.partition} were out from {since} to {until}: "
            "that is nobody's silence"
        )


def _at_stake(alert: Alert) -> float:
    return alert.risk * alert.value_at_risk.amount
