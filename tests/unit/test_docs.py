"""Links in the documents lead somewhere, and what is counted in them is what commands print."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from streams.cli.capacity import page

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """Where a page's links to files lead, and the anchors there."""
    text = _CODE.sub("", _FENCE.sub("", path.read_text()))
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        yield (path.parent / name).resolve() if name else path, anchor


@cache
def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings: small letters, no punctuation, dashes for spaces."""
    headings = _HEADING.findall(_FENCE.sub("", path.read_text()))
    texts = [re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", one).lower() for one in headings]
    return {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", PAGES, ids=[str(one.relative_to(ROOT)) for one in PAGES])
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target.name}#{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set[Path](), [ROOT / "README.md"]
    while todo:
        one = todo.pop()
        if one.suffix == ".md" and one not in reached:
            reached.add(one)
            todo += [target for target, _ in links(one)]
            if any(target == ROOT / "docs" / "decisions" for target, _ in links(one)):
                todo += (ROOT / "docs" / "decisions").glob("*.md")
    assert set(PAGES) <= reached, sorted(map(str, set(PAGES) - reached))


def test_the_table_of_capacity_is_what_the_command_prints() -> None:
    assert page() in (ROOT / "docs" / "capacity.md").read_text()
