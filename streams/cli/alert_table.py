"""Alerts for people: a table that fits a terminal, or a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from rich import box
from rich.table import Table
from rich.text import Text

from schemas.alerts import Alert, Reason, Status

_WIDE = 110
_STATUSES = get_args(Status)
_AT_RISK = ("opened", "updated")
_CLOSED = "green"
_SEVERITIES = {"info": "blue", "warning": "yellow", "error": "red", "critical": "bold red"}


def alert_table(
    alerts: Iterable[Alert], width: int, title: str | None = None, *, one_line: bool = False
) -> Table:
    """Who, why, usual and observed; a row an alert, in the order given.

    On a terminal less than `_WIDE` columns wide the colour of the status alone says how severe it
    is, and what is at stake is left out. `one_line` cuts the reasons short instead of wrapping.
    """
    wide = width >= _WIDE
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, width=width
    )
    for name in ("when", "status", *(["severity"] if wide else []), "customer"):
        table.add_column(name, no_wrap=True)
    table.add_column("why", ratio=1, no_wrap=one_line, overflow="ellipsis")
    for name in ("usual", "observed", *(["at stake"] if wide else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for alert in alerts:
        reason = _foremost(alert)
        style = _SEVERITIES[alert.severity] if alert.status in _AT_RISK else _CLOSED
        table.add_row(
            _when(alert),
            Text(alert.status, style),
            *([Text(alert.severity, style)] if wide else []),
            Text(alert.customer_id),
            Text(reason.text if reason else ""),
            _figure(reason, "usual"),
            _figure(reason, "observed"),
            *([_stake(alert)] if wide else []),
        )
    return table


def alert_line(alert: Alert) -> str:
    """The same as one line of text."""
    reason = _foremost(alert)
    why = reason.text if reason else ""
    return f"{_when(alert)} {alert.status} {alert.severity} {alert.customer_id}: {why}"


def counts_line(counts: Counter[str]) -> str:
    """`2,431 opened, 1,200 resolved`, in the order of an episode's life."""
    return ", ".join(f"{counts[s]:,} {s}" for s in _STATUSES if counts[s]) or "none"


def _foremost(alert: Alert) -> Reason | None:
    """The reason that says most."""
    return max(alert.reasons, key=lambda reason: reason.contribution, default=None)


def _when(alert: Alert) -> str:
    return alert.updated_at[:10]


def _figure(reason: Reason | None, name: str) -> str:
    value = getattr(reason, name, None)
    if reason is None or value is None:
        return ""
    return f"{value:.1f} {reason.unit}" if reason.unit else f"{value:.1f}"


def _stake(alert: Alert) -> str:
    value = alert.value_at_risk
    return f"{value.amount:,.0f} {value.currency}" if value.currency else ""
