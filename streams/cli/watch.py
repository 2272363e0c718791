"""`offbeat watch`: who is at risk now, in a terminal, as it changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from streams.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

    from schemas.alerts import Alert
    from streams.kafka.following import Following
    from streams.settings import Settings

_REFRESH_SECONDS = 0.5
_ROUND = 6  # lines of a terminal's height for what is round the rows
_SEVERITIES = ("info", "warning", "error", "critical")


class AtRisk:
    """The open alert of each customer, as the compacted topic tells it."""

    def __init__(self, segment: str | None, reason: str | None, severity: str) -> None:
        self._open: dict[bytes, Alert] = {}
        self._segment = segment
        self._reason = reason
        self._least = _SEVERITIES.index(severity)

    def take(self, key: bytes, value: bytes | None) -> None:
        """One record: the alert as it is now, or a tombstone."""
        from schemas.alerts import decode

        if value is None:
            self._open.pop(key, None)
        else:
            self._open[key] = decode(value)

    def wanted(self) -> list[Alert]:
        """Those that the filters let through, the most at stake first.

        Across currencies by how valuable a customer is among those of the same one.
        """
        found = [alert for alert in self._open.values() if self._fits(alert)]
        mixed = len({alert.value_at_risk.currency for alert in found} - {None}) > 1

        def rank(alert: Alert) -> tuple[float, float, str]:
            tenth = (alert.value_tenth or 0) if mixed else 0
            return -tenth, -alert.value_at_risk.amount, alert.customer_id

        return sorted(found, key=rank)

    def _fits(self, alert: Alert) -> bool:
        return (
            (self._segment is None or alert.segment == self._segment)
            and (self._reason is None or any(r.code == self._reason for r in alert.reasons))
            and _SEVERITIES.index(alert.severity) >= self._least
        )


def command(
    segment: Annotated[str | None, typer.Option(help="Only this segment, as loyal.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only who has this reason.")] = None,
    severity: Annotated[str, typer.Option(help="Least severity: info to critical.")] = "info",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most rows; default as many as fit, or all.")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Print who is at risk now, and end.")
    ] = False,
    broker: options.Broker = None,
    config: options.Config = None,
) -> None:
    """Show who is at risk, the most at stake first, until Ctrl-C.

    Reads the compacted topic of open alerts. Where the output is no terminal, each change is a
    line.
    """
    from rich.console import Console

    from detectors.customer import Cause, Segment
    from streams.settings import load

    _known("--segment", segment, [one.name.lower() for one in Segment if one])
    _known("--reason", reason, [str(one.name).lower() for one in Cause])
    _known("--severity", severity, _SEVERITIES)
    settings = load(config, broker=broker)
    at_risk = AtRisk(segment, reason, severity)
    console = Console(highlight=False)
    try:
        asyncio.run(_watch(settings, at_risk, console, limit, once=once))
    except KeyboardInterrupt:
        console.print(f"{len(at_risk.wanted()):,} at risk.")


def _known(flag: str, word: str | None, words: Iterable[str]) -> None:
    from streams.errors import ConfigurationError

    if word is not None and word not in words:
        raise ConfigurationError(
            f"{word!r} is not known", where=flag, remedy=f"Accepted: {', '.join(words)}."
        )


async def _watch(
    settings: Settings, at_risk: AtRisk, console: Console, limit: int | None, *, once: bool
) -> None:
    from schemas.topics import OutputTopics
    from streams.kafka.following import following

    async with following(settings, OutputTopics(settings.topics.prefix).at_risk) as topic:
        while not await topic.is_at_the_end():
            for record in await topic.records(_REFRESH_SECONDS):
                at_risk.take(record.key, record.value)
        if console.is_terminal and once:
            console.print(_table(at_risk, console, limit))
        elif console.is_terminal:
            await _live(topic, at_risk, console, limit)
        else:
            await _lines(topic, at_risk, limit, once=once)


async def _live(topic: Following, at_risk: AtRisk, console: Console, limit: int | None) -> NoReturn:
    from rich.live import Live

    def table() -> Table:
        return _table(at_risk, console, min(limit or console.height, console.height - _ROUND))

    with Live(console=console, refresh_per_second=4, get_renderable=table):
        while True:
            for record in await topic.records(_REFRESH_SECONDS):
                at_risk.take(record.key, record.value)


async def _lines(topic: Following, at_risk: AtRisk, limit: int | None, *, once: bool) -> None:
    from streams.cli.alert_table import alert_line

    shown = {alert.alert_id: alert for alert in at_risk.wanted()[:limit]}
    for alert in shown.values():
        print(alert_line(alert), flush=True)
    while not once:
        for record in await topic.records(_REFRESH_SECONDS):
            at_risk.take(record.key, record.value)
        now = {alert.alert_id: alert for alert in at_risk.wanted()[:limit]}
        for name, alert in now.items():
            if shown.get(name) != alert:
                print(alert_line(alert), flush=True)
        for name, alert in shown.items():
            if name not in now:
                print(f"no longer at risk: {alert.customer_id}", flush=True)
        shown = now


def _table(at_risk: AtRisk, console: Console, limit: int | None) -> Table:
    from streams.cli.alert_table import alert_table

    wanted = at_risk.wanted()
    rows = wanted[: max(limit, 1)] if limit is not None else wanted
    more = f", the first {len(rows):,}" if len(rows) < len(wanted) else ""
    title = f"{len(wanted):,} at risk{more}"
    return alert_table(rows, console.width, title, one_line=console.is_terminal)
