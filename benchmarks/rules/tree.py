"""A throw-away copy of the code in which rules are taken out, and what its tests say of it."""

import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.rules.rule import Cut
from detectors.compiled import source_stamp

ROOT = Path(__file__).parents[2]
_FOLDERS = ("benchmarks", "detectors", "docs", "schemas", "streams", "tests")
_FILES = ("pytest.ini", "pyproject.toml")
_PACKAGES = ("benchmarks", "detectors", "streams", "tests")
TEST_SECONDS = 180  # of one test; the slowest takes 40 on two cores of its own
# How a test may fail: it says so itself, or offbeat does. `(one,) = found` asserts how many there are.
_OWN = (
    *("AssertionError", "assert ", "Failed: DID NOT RAISE", "streams.errors.", "EndedError"),
    *("ValueError: not enough values to unpack", "ValueError: too many values to unpack"),
    "ExceptionGroup: Hypothesis found",
)


class Outcome(NamedTuple):
    """What a test said: "" when it passed, else the first line of why not."""

    passed: bool
    why: str


@contextmanager
def copied() -> Iterator["Tree"]:
    """A copy that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="offbeat-rules-") as folder:
        root = Path(folder)
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, root / name)
        for name in _FILES:
            shutil.copy2(ROOT / name, root / name)
        yield Tree(root)


class Tree:
    """The copy below `root`.

    Compiled kernels come along with it. Their stamp is that of the whole source, so that any
    change would compile them anew; in the copy it is fixed, and what is cut out of a kernel is
    tried uncompiled instead.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        stamps = {package: source_stamp(package) for package in _PACKAGES}
        with (root / "detectors/compiled.py").open("a") as compiled:
            compiled.write(f"\n\nsource_stamp = {stamps!r}.__getitem__\n")

    @contextmanager
    def without(self, cut: Cut) -> Iterator[bool]:
        """The rule is out within; yields whether its tests have to run uncompiled."""
        path = self.root / cut.file
        source = path.read_text()
        path.write_text(source.replace(cut.text, cut.instead))
        try:
            yield cut.within_kernel(source)
        finally:
            path.write_text(source)

    def run(
        self, nodes: Sequence[str], environment: Mapping[str, str], *, uncompiled: bool = False
    ) -> dict[str, Outcome]:
        """Run these tests in the copy; what each said, parameters taken together.

        One whose every case passed has passed. A test that pytest could not run is not there.
        """
        report = self.root / "report.xml"
        report.unlink(missing_ok=True)
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider",
             "-m", "", f"--timeout={TEST_SECONDS}", f"--junitxml={report}", *nodes],
            cwd=self.root,
            env={
                **os.environ,
                **environment,
                "PYTHONPATH": str(self.root),
                "PYTHONDONTWRITEBYTECODE": "1",
                "NUMBA_DISABLE_JIT": str(int(uncompiled)),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
        )  # fmt: skip
        if not report.exists():
            return dict.fromkeys(nodes, Outcome(passed=False, why=ran.stdout[-2000:] + ran.stderr))
        return _told(report, nodes)


def _told(report: Path, nodes: Iterable[str]) -> dict[str, Outcome]:
    cases: dict[str, list[str]] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 (pytest has written it)
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        unwell = [
            f"{one.tag}: {one.get('message', '')}" if one.tag != "failure" else _message(one)
            for one in case
            if one.tag in ("failure", "error", "skipped")
        ]
        for key in (name, name.partition("[")[0]):
            cases.setdefault(key, []).extend(unwell or [""])
    return {
        node: Outcome(
            passed=not any(cases.get(node, ["it did not run"])),
            why=next((why for why in cases.get(node, ["it did not run"]) if why), ""),
        )
        for node in nodes
    }


def _message(failure: ET.Element) -> str:
    return failure.get("message", "") or (failure.text or "")[-500:]


def for_the_right_reason(outcome: Outcome, cut: Cut) -> bool:
    """Whether a test failed because the rule was out, and not because the code could not run."""
    first = outcome.why.partition("\n")[0]
    words = (*_OWN, *cut.errors)
    could_not_run = outcome.passed or first.startswith(("error: ", "skipped: "))
    return not could_not_run and any(word in first for word in words)
