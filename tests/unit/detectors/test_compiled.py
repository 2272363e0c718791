import shutil
import subprocess
import sys
from pathlib import Path

import detectors.compiled

CALLER = """
from detectors.called import one
from detectors.compiled import kernel

@kernel
def twice():
    return 2 * one()

print(twice())
"""
CALLED = """
from detectors.compiled import kernel

@kernel
def one():
    return {value}
"""


def run(folder: Path) -> str:
    command = [sys.executable, "-c", "import detectors.caller"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True)
    return done.stdout.strip()


def test_a_changed_kernel_is_compiled_anew_in_those_that_call_it(tmp_path: Path) -> None:
    package = tmp_path / "detectors"
    package.mkdir()
    shutil.copy(detectors.compiled.__file__, package)
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)
    (package / "called.py").write_text(CALLED.format(value=3))
    assert run(tmp_path) == "6"
    kept = list(package.rglob("*.nbc"))
    assert len(kept) == 2
    before = [path.stat().st_mtime_ns for path in kept]
    assert run(tmp_path) == "6"
    assert [path.stat().st_mtime_ns for path in kept] == before
    (package / "called.py").write_text(CALLED.format(value=5))
    assert run(tmp_path) == "10"
