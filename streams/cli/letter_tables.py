"""Dead letters for people: how many of what, and one of them whole.

What producers wrote may be meant for a terminal rather than for people, so all of it is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec
from aiokafka import TopicPartition
from rich import box
from rich.table import Table
from rich.text import Text

from schemas.dead_letters import CUT, HEADER_NAMES, REDRIVEN_FROM, TOPIC, RejectReason
from streams.kafka.dead_letters import Letter, Seen, Survey

_SHOWN_BYTES = 8 << 10
_NOT_LETTERS = "not ours"  # records that somebody else wrote there


def letters_table(found: Mapping[TopicPartition, Survey], wanted: Callable[[Seen], bool]) -> Table:
    """A row an input and reason, over the letters that are wanted."""
    rows: dict[tuple[str, str], list[tuple[Seen, int, bool]]] = {}
    for tp, one in found.items():
        for seen in filter(wanted, one.letters):
            reason = escaped(seen.reason) or _NOT_LETTERS
            again = seen.offset in one.sent_again
            rows.setdefault((tp.topic, reason), []).append((seen, tp.partition, again))
    table = Table("topic", "reason")
    for title in ("letters", "sent again"):
        table.add_column(title, justify="right")
    for title in ("first (UTC)", "last (UTC)", "the newest"):
        table.add_column(title)
    for (topic, reason), letters in sorted(rows.items()):
        times = [seen.time_ms for seen, _, _ in letters]
        newest, partition, _ = max(letters, key=lambda one: (one[0].time_ms, one[0].offset))
        table.add_row(
            topic,
            Text(reason),
            f"{len(letters):,}",
            f"{sum(again for _, _, again in letters):,}",
            _when(min(times)),
            _when(max(times)),
            f"{partition} {newest.offset}",
        )
    if not rows:
        table.add_row("none", *[""] * 6)
    return table


def letter_table(letter: Letter) -> Table:
    """Why it is one, where it came from, its key and its headers."""
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    came_from = letter.came_from
    known = {reason.value: reason.meaning for reason in RejectReason}
    rows = {
        "dead letter": f"{letter.topic} {letter.partition} {letter.offset}",
        "written": f"{_when(letter.time_ms)} UTC",
        "reason": f"{letter.reason or _NOT_LETTERS}: {known.get(letter.reason, '')}",
        "what": letter.message,
        "came from": f"{letter.header(TOPIC)} {came_from[0]} {came_from[1]}" if came_from else "?",
        "sent again": ", ".join(letter.history),
        "cut": letter.header(CUT),
        "key": _text(letter.key),
    }
    for title, text in rows.items():
        if text:
            table.add_row(Text(title, "bold"), Text(escaped(text)))
    for name, value in letter.headers:
        if name not in HEADER_NAMES and name != REDRIVEN_FROM:
            table.add_row(Text(f"header {escaped(name)}"), Text(escaped(_text(value))))
    return table


def payload(value: bytes | None, full: bool) -> str:
    """The value for people: JSON indented, anything else as it is; escaped."""
    if value is None:
        return "the value is null"
    try:
        readable = msgspec.json.format(value, indent=2)
        msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        readable = value
    shown = readable if full else readable[:_SHOWN_BYTES]
    rest = len(readable) - len(shown)
    text = "\n".join(escaped(line) for line in _text(shown).split("\n"))
    return f"{text}\n… and {rest:,} bytes more (--full)" if rest else text


def escaped(text: str) -> str:
    """Text without anything that a terminal acts upon: control, bidirectional and the like."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _text(data: bytes | None) -> str:
    return "null" if data is None else data.decode(errors="backslashreplace")


def _when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
