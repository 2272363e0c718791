"""Line plots as SVG files, without a library."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np

from detectors.lab.histories import Days

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 210, 40, 52
FONT = 'font-family="sans-serif" font-size="12"'
COLOURS = ("#d1495b", "#30638e", "#7a9e7e", "#edae49", "#8d6a9f", "#5c5c5c", "#00798c", "#b07d62")


class Series(NamedTuple):
    """A named line, or dots."""

    name: str
    x: Days
    y: Days
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Title and axes; x is logarithmic where that is asked for."""

    title: str
    x_label: str
    y_label: str
    log_x: bool = False

    def write(self, path: Path, series: Sequence[Series], x_range: tuple[float, float]) -> None:
        """Draw what lies within x_range."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.draw(series, x_range))

    def draw(self, series: Sequence[Series], x_range: tuple[float, float]) -> str:
        """The SVG."""
        kept = [_within(one, x_range) for one in series]
        highest = max((float(one.y.max()) for one in kept if one.y.size), default=1.0)
        top = _ticks(highest)[-1]
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" {FONT}>',
            '<rect width="100%" height="100%" fill="#fff"/>',
            _text(LEFT, 22, self.title, "start", size=15),
            _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, self.x_label, "middle"),
            f'<g transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)">'
            + _text(0, 0, self.y_label, "middle")
            + "</g>",
        ]
        for value in _ticks(highest):
            y = _down(value, top)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
            parts.append(_text(LEFT - 8, y + 4, f"{value:g}", "end"))
        for value in _marks(x_range) if self.log_x else _ticks(x_range[1]):
            x = self._across(value, x_range)
            parts.append(f'<path d="M{x:.1f} {HEIGHT - BOTTOM}v5" stroke="#333"/>')
            parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{value:g}", "middle"))
        for number, one in enumerate(kept):
            colour = COLOURS[number % len(COLOURS)]
            points = [
                (self._across(float(x), x_range), _down(float(y), top))
                for x, y in zip(one.x, one.y, strict=True)
            ]
            parts.append(_drawn(points, colour, dots=one.dots))
            y = TOP + 18 * number
            place = f'x="{WIDTH - RIGHT + 12}" y="{y - 9}"'
            parts.append(f'<rect {place} width="12" height="4" fill="{colour}"/>')
            parts.append(_text(WIDTH - RIGHT + 30, y - 3, one.name, "start"))
        return "\n".join([*parts, "</svg>\n"])

    def _across(self, value: float, x_range: tuple[float, float]) -> float:
        low, high = x_range
        share = (value - low) / (high - low)
        if self.log_x:
            share = float(np.log(value / low) / np.log(high / low))
        return LEFT + share * (WIDTH - RIGHT - LEFT)


def _within(one: Series, x_range: tuple[float, float]) -> Series:
    inside = (one.x >= x_range[0]) & (one.x <= x_range[1]) & np.isfinite(one.y)
    return one._replace(x=one.x[inside], y=one.y[inside])


def _down(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _drawn(points: list[tuple[float, float]], colour: str, *, dots: bool) -> str:
    if dots:
        return "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points
        )
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, anchor: str, size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {place}>{escape(text)}</text>"


def _ticks(highest: float) -> list[float]:
    """From 0 to the first round number that is not below `highest`, some five of them."""
    rough = max(highest, 1e-9) / 5.0
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= rough * (1 - 1e-9))
    count = int(np.ceil(highest / step - 1e-9))
    return [round(i * step, 10) for i in range(count + 1)]


def _marks(x_range: tuple[float, float]) -> list[float]:
    marks = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
    return [mark for mark in marks if x_range[0] <= mark <= x_range[1]]
