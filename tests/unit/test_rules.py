"""The catalogue of rules fits the code, and its own eyes see."""

from pathlib import Path

import pytest

from benchmarks.rules.__main__ import RULES
from benchmarks.rules.page import page
from benchmarks.rules.rule import Cut, Rule, misfits
from benchmarks.rules.tree import ROOT, Outcome, for_the_right_reason

CUT = Cut("rule.py", "a = 1", "a = 2", ("owner: test_a_zombie_writes_nothing_more_and_ends",))


def test_every_text_is_there_once_and_every_test_exists() -> None:
    assert list(misfits(RULES, ROOT)) == []


def test_the_page_is_what_the_catalogue_prints() -> None:
    assert (ROOT / "docs" / "rules.md").read_text() == page(RULES)


def test_no_rule_is_there_twice_and_each_has_a_way_out() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert all(rule.cuts for rule in RULES)


@pytest.mark.parametrize(
    ("source", "cut", "found"),
    [
        ("b = 1\n", CUT, "holds this 0 times"),
        ("a = 1\na = 1\n", CUT, "holds this 2 times"),
        ("a = 1\n", CUT._replace(instead="a ="), "is no Python"),
        ("a = 1\n", CUT._replace(tests=("owner: test_of_nothing",)), "there is no test"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, source: str, cut: Cut, found: str) -> None:
    (tmp_path / "rule.py").write_text(source)
    for name in ("tests/integration/test_owner.py",):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    (line,) = misfits([Rule("X1", "", (cut,))], tmp_path)
    assert line.startswith("X1: ")
    assert found in line


def test_what_is_cut_out_of_a_kernel_is_tried_uncompiled() -> None:
    source = "@kernel\ndef one():\n    a = 1\n\n\ndef other():\n    b = 1\n"
    assert CUT.within_kernel(source)
    assert not CUT._replace(text="b = 1").within_kernel(source)


@pytest.mark.parametrize(
    ("why", "right"),
    [
        ("AssertionError: assert 1 == 2", True),
        ("assert 1 == 2", True),
        ("Failed: DID NOT RAISE <class 'streams.errors.GapError'>", True),
        ("streams.errors.StateError: partition 0: …", True),
        ("ImportError: cannot import name 'x'", False),
        ("NameError: name 'x' is not defined", False),
        ("error: failed on setup with AssertionError", False),
        ("Failed: Timeout (>180.0s) from pytest-timeout.", False),
        ("", False),
    ],
)
def test_a_test_has_to_fail_for_the_right_reason(why: str, right: bool) -> None:
    assert for_the_right_reason(Outcome(passed=not why, why=why), CUT) is right
