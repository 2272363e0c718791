import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from streams.figures import Figure, write_figures


def test_figures_are_one_flat_object_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    figures: dict[str, Figure] = {
        "events": 268_078,
        "events_per_second": 9_631.2,
        "source": "Complete Journey",
    }
    path = write_figures("demo", figures, Console(quiet=True))
    assert path == Path("build/figures/demo.json")
    assert json.loads(path.read_text()) == figures


def test_figures_are_printed_as_a_table_that_people_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(record=True, width=60, file=io.StringIO())
    write_figures("demo", {"events_per_second": 9_631.2, "recall": 0.43218}, console)
    printed = console.export_text()
    assert "events per second" in printed
    assert "9,631" in printed
    assert "0.4322" in printed


def test_a_nested_figure_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError, match=r"^quantiles must be"):
        write_figures("demo", {"quantiles": [1, 2]})  # type: ignore[dict-item]  # what it is about
