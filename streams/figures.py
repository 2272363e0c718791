"""Figures that a command measured: one flat JSON file a command, and a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

FOLDER = Path("build/figures")

Figure = float | int | str


def write_figures(name: str, figures: Mapping[str, Figure], console: Console | None = None) -> Path:
    """Write `build/figures/NAME.json`, one flat object, and print it as a table; its path.

    Whoever quotes a figure quotes the command that wrote it. Below the working directory.

    Raises:
        TypeError: a figure is neither a number nor a text (the file would not be flat).
    """
    for key, value in figures.items():
        if not isinstance(value, Figure):
            raise TypeError(f"{key} must be a number or a text, got {type(value).__name__}")
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    path.write_bytes(orjson.dumps(dict(figures), option=options))
    table = Table("figure", title=name, title_justify="left")
    table.add_column("value", justify="right")
    for key, value in figures.items():
        table.add_row(key.replace("_", " "), _shown(value))
    (console or Console()).print(table)
    return path


def _shown(value: Figure) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value
