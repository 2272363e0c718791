"""Pictures as numbers: where in an SVG's own units things lie. The templates draw them."""

from datetime import UTC, datetime, timedelta
from math import ceil, floor, log10
from typing import NamedTuple

from detectors.customer import WEEK_SECONDS
from streams.console.dossier import Dossier

WIDTH = 720.0
MOST_TICKS = 8
CLOSE = 220.0  # as long as a text is on a phone


class Tick(NamedTuple):
    """A mark on an axis and what is written at it."""

    at: float
    text: str


class Bar(NamedTuple):
    """One week: its left edge and width, and how high purchases and visits reach."""

    x: float
    width: float
    purchases: float
    visits: float


class Mark(NamedTuple):
    """Something at a time or at a length of silence."""

    x: float
    kind: str  # last, opened, deadline, now, usual, p90
    text: str
    anchor: str  # start or end: to which side the text goes
    line: int  # of text above the picture, 0 the lowest; those close by have lines of their own


class Weeks(NamedTuple):
    """Events on a line of time: purchases above it, visits below."""

    bars: list[Bar]
    ticks: list[Tick]
    marks: list[Mark]
    silence: tuple[float, float] | None  # from the last sign of life to now
    most_purchases: int
    most_visits: int


class Survival(NamedTuple):
    """The chance that a gap is longer, by its length, and the silence on it."""

    line: str  # points of a polyline
    area: str  # the same, closed at the axis, as far as the silence has come
    ticks: list[Tick]
    marks: list[Mark]
    dot: tuple[float, float]
    band: tuple[float, float] | None  # from the usual gap to the one that 9 in 10 do not pass


class SilenceBar(NamedTuple):
    """A silence beside what is usual, for one row of the list; all in per cent of the width."""

    silence: float
    usual: float
    p90: float | None


UP, DOWN = 84.0, 44.0  # heights of purchases and of visits
PLOT = 180.0  # height of the curve


def weeks(dossier: Dossier) -> Weeks | None:
    """The last weeks of which anything is known, to now or to a deadline ahead of it."""
    if not dossier.weeks:
        return None
    start, standing = dossier.weeks[0].since, dossier.standing
    rhythm = dossier.rhythm
    deadline = rhythm.deadline if rhythm is not None and standing.episode == "none" else None
    ahead = 4 * WEEK_SECONDS  # a deadline far ahead is said in words alone
    end = dossier.now
    if deadline is not None and dossier.now < deadline <= dossier.now + ahead:
        end = deadline
    end = max(end, dossier.weeks[-1].since + WEEK_SECONDS) + 0.02 * (end - start)

    def x(t: float) -> float:
        return round(WIDTH * (t - start) / (end - start), 2)

    most_purchases = max(*(week.purchases for week in dossier.weeks), 1)
    most_visits = max(*(week.visits for week in dossier.weeks), 1)
    width = x(start + WEEK_SECONDS)
    bars = [
        Bar(
            x(week.since) + 0.08 * width,
            round(0.84 * width, 2),
            round(UP * week.purchases / most_purchases, 2),
            round(DOWN * week.visits / most_visits, 2),
        )
        for week in dossier.weeks
    ]
    marks = []
    if standing.opened_at is not None and standing.opened_at >= start:
        marks.append(_mark(x(standing.opened_at), "opened", "at risk"))
    if deadline is not None and deadline <= end:
        marks.append(_mark(x(deadline), "deadline", "deadline"))
    marks.append(_mark(x(dossier.now), "now", "now"))
    since = max(rhythm.since, start) if rhythm is not None else None
    silence = (x(since), x(dossier.now)) if since is not None and since < dossier.now else None
    return Weeks(bars, _months(start, end), _apart(marks), silence, most_purchases, most_visits)


def survival(dossier: Dossier) -> Survival | None:
    """The curve; None for who never came."""
    rhythm = dossier.rhythm
    if rhythm is None:
        return None
    reach = rhythm.curve[-1][0]

    def x(days: float) -> float:
        return round(WIDTH * min(days / reach, 1.0), 2)

    def y(chance: float) -> float:
        return round(PLOT * (1.0 - chance), 2)

    points = [(x(days), y(chance)) for days, chance in rhythm.curve]
    dot = x(rhythm.silence_days), y(rhythm.survival)
    passed = [point for point in points if point[0] < dot[0]]
    area = [*passed, dot, (dot[0], PLOT), (0.0, PLOT)]
    marks = [_mark(dot[0], "now", f"now, {_days(rhythm.silence_days)}")]
    if rhythm.deadline_days is not None:
        marks.append(_mark(x(rhythm.deadline_days), "deadline", "deadline"))
    p90 = rhythm.p90_days
    return Survival(
        line=_points(points),
        area=_points(area),
        ticks=_day_ticks(reach),
        marks=_apart(marks),
        dot=dot,
        band=(x(rhythm.gap_days), x(p90)) if p90 is not None else None,
    )


def silence_bar(silence: float | None, usual: float | None, p90: float | None) -> SilenceBar | None:
    """None where nothing is usual yet."""
    if silence is None or usual is None:
        return None
    reach = max(silence, usual, p90 or 0.0, 1e-9)
    share = 100.0 / reach
    most = None if p90 is None else round(share * p90, 1)
    return SilenceBar(round(share * silence, 1), round(share * usual, 1), most)


def _mark(x: float, kind: str, text: str) -> Mark:
    return Mark(x, kind, text, "end" if x > WIDTH / 2 else "start", 0)


def _apart(marks: list[Mark]) -> list[Mark]:
    """The same, a line higher for each that is too close for its text."""
    placed: list[Mark] = []
    for mark in sorted(marks, key=lambda one: one.x):
        close = [one.line for one in placed if mark.x - one.x < CLOSE]
        placed.append(mark._replace(line=max(close, default=-1) + 1))
    return placed


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _days(days: float) -> str:
    return f"{days:.0f} days" if days >= 10 else f"{days:.1f} days"


def _day_ticks(reach: float) -> list[Tick]:
    """Round numbers of days from 0 on."""
    step = 10.0 ** floor(log10(max(reach, 1e-6) / MOST_TICKS))
    step *= next(times for times in (1, 2, 5, 10) if reach / (step * times) <= MOST_TICKS)
    count = floor(reach / step)
    return [Tick(round(WIDTH * i * step / reach, 2), f"{i * step:g}") for i in range(count + 1)]


def _months(start: float, end: float) -> list[Tick]:
    """The firsts of months, some of them where they are many; of a short stretch its days."""
    first, last = (datetime.fromtimestamp(t, UTC) for t in (start, end))
    days: list[datetime] = []
    day = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (day := (day + timedelta(days=32)).replace(day=1)) < last:
        days.append(day)
    days = days[:: ceil(len(days) / MOST_TICKS) or 1]
    form = "%b %Y" if (last - first).days > 300 else "%b"
    if len(days) < 2:
        days = [first + (last - first) * share for share in (0.0, 0.35, 0.7)]
        form = "%-d %b"
    return [
        Tick(round(WIDTH * (one.timestamp() - start) / (end - start), 2), f"{one:{form}}")
        for one in days
    ]
