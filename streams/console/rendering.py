"""Pages as text: Jinja2 with everything escaped, and how numbers and times are written."""

import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_STATIC = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_TIME = Markup('<time datetime="{iso}" title="{utc} UTC" data-form="{form}">{text}</time>')


class Static:
    """The files beside the pages: few and small, so they are kept in memory."""

    def __init__(self) -> None:
        folder = files("streams.console") / "static"
        self.files = {name: (folder / name).read_bytes() for name in _STATIC}
        digest = hashlib.sha256(b"\0".join(self.files.values()))
        self.version = digest.hexdigest()[:12]

    def content_type(self, name: str) -> str:
        """Of one of `files`."""
        return _STATIC[name]


def environment(static: Static) -> Environment:
    """Templates from the package; an unknown name in one is an error."""
    found = Environment(
        loader=PackageLoader("streams.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "time": moment,
        "day": day,
        "days": days,
        "percent": percent,
        "number": number,
        "size": size,
        "duration": duration,
        "words": words,
    }
    found.filters.update(filters)
    found.globals["static_version"] = static.version
    return found


def moment(at: float | None) -> str | Markup:
    """Day and time: UTC in the title and where there is no script, else the reader's zone."""
    return _time(at, "moment", "%Y-%m-%d %H:%M")


def day(at: float | None) -> str | Markup:
    """The day alone."""
    return _time(at, "day", "%Y-%m-%d")


def _time(at: float | None, form: str, pattern: str) -> str | Markup:
    if at is None:
        return "–"
    utc = datetime.fromtimestamp(at, UTC)
    return _TIME.format(
        iso=utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
        utc=f"{utc:%Y-%m-%d %H:%M:%S}",
        form=form,
        text=f"{utc:{pattern}}" + (" UTC" if form == "moment" else ""),
    )


def days(value: float | None) -> str:
    """21.3 -> "21 days", 4.26 -> "4.3 days", 0.2 -> "5 hours"."""
    if value is None:
        return "–"
    if value < 1.0:
        hours = round(24.0 * value)
        return f"{hours} hour{'' if hours == 1 else 's'}"
    text = f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"
    return f"{text} day{'' if text == '1' else 's'}"


def percent(share: float) -> str:
    """0.634 -> "63 %"; what is not quite nothing or everything is not said to be."""
    if 0.0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1.0:
        return "over 99 %"
    return f"{100.0 * share:.0f} %"


def number(value: float, digits: int = 0) -> str:
    """1234.5 -> "1,234"; thousands apart."""
    return f"{value:,.{digits}f}"


def size(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024.0:
            return f"{value:.0f} {unit}"
        value /= 1024.0
    return f"{value:.1f} GiB"


def duration(seconds: float | None) -> str:
    """Of a lag: "0.4 s", "3 min", "5 h", "12 days"."""
    if seconds is None:
        return "–"
    if seconds < 100.0:
        return f"{seconds:.1f} s"
    if seconds < 6000.0:
        return f"{seconds / 60.0:.0f} min"
    if seconds < 360_000.0:
        return f"{seconds / 3600.0:.0f} h"
    return f"{seconds / 86_400.0:.0f} days"


def words(name: str) -> str:
    """purchase_silence -> "purchase silence"; VIP stays as it is."""
    return "VIP" if name.lower() == "vip" else name.lower().replace("_", " ")
