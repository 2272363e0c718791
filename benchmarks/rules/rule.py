"""A rule, the ways of taking it out, and whether both still fit the code."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = {
    "contract": "tests/contract/test_worker_seams.py",
    "faust": "tests/contract/test_faust_seams.py",
    "web": "tests/contract/test_web_seam.py",
    "console": "tests/functional/test_console.py",
    "life": "tests/functional/test_life.py",
    "columnar": "tests/integration/test_columnar_consumer.py",
    "owner": "tests/integration/test_owner.py",
    "commits": "tests/integration/test_owner_commits.py",
    "worker": "tests/integration/test_worker_rules.py",
    "late": "tests/laws/test_lateness.py",
    "access": "tests/unit/test_console_access.py",
    "alerts": "tests/unit/test_alerts.py",
    "batches": "tests/unit/test_columns.py",
    "health": "tests/unit/test_health.py",
    "ingest": "tests/unit/test_ingest.py",
    "reroutes": "tests/unit/test_ingest_reroutes.py",
    "limit": "tests/unit/test_letter_limit.py",
    "metrics": "tests/unit/test_metrics.py",
    "timeline": "tests/unit/test_timeline.py",
    "topics": "tests/unit/test_topics.py",
    "versions": "tests/unit/test_training_versions.py",
    "episodes": "tests/unit/detectors/test_episodes.py",
    "signals": "tests/unit/detectors/test_signals.py",
}
_ON_A_BROKER = ("columnar", "commits", "owner", "worker")
_COMPILED = "kernel"  # the decorator of compiled functions


class Cut(NamedTuple):
    """One way of taking a rule out: `text`, which `file` holds exactly once, becomes `instead`.

    `tests` are "where: name" with a word of `TESTS`; each of them must then fail, by an assertion,
    by one of offbeat's own errors, or by one of `errors`.
    """

    file: str
    text: str
    instead: str
    tests: tuple[str, ...]
    errors: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The tests as pytest names them."""
        parts = (test.split(": ") for test in self.tests)
        return tuple(f"{TESTS[where]}::{name}" for where, name in parts)

    @property
    def needs_broker(self) -> bool:
        """Whether one of its tests runs on a broker."""
        return any(test.startswith(_ON_A_BROKER) for test in self.tests)

    def within_kernel(self, source: str) -> bool:
        """Whether what is cut is compiled: then its tests run uncompiled, for that takes less."""
        for node in ast.walk(ast.parse(source)):
            compiled = isinstance(node, ast.FunctionDef) and any(
                isinstance(one, ast.Name) and one.id == _COMPILED for one in node.decorator_list
            )
            if compiled and self.text in (ast.get_source_segment(source, node, padded=True) or ""):
                return True
        return False


class Rule(NamedTuple):
    """`name` is one letter and a number; `says` is the rule in a sentence."""

    name: str
    says: str
    cuts: tuple[Cut, ...]


def misfits(rules: Iterable[Rule], root: Path) -> Iterator[str]:
    """What in the catalogue does not fit the code below `root` any more, a line each."""
    for rule in rules:
        for cut in rule.cuts:
            yield from (f"{rule.name}: {what}" for what in _misfits(cut, root))


def _misfits(cut: Cut, root: Path) -> Iterator[str]:
    path = root / cut.file
    source = path.read_text() if path.is_file() else ""
    found = source.count(cut.text)
    if found != 1:
        yield f"{cut.file} holds this {found} times instead of once: {cut.text!r}"
    else:
        try:
            ast.parse(source.replace(cut.text, cut.instead))
        except SyntaxError as error:
            yield f"{cut.file} without it is no Python: {error}"
    for node in cut.nodes:
        file, _, name = node.partition("::")
        if name.partition("[")[0] not in _functions(root / file):
            yield f"there is no test {node}"


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
