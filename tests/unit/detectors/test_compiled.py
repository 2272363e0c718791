import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


def run(folder: Path, before: str = "") -> str:
    command = [sys.executable, "-c", f"{before}import detectors.caller"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Two kernels, of which one calls the other."""
    package = tmp_path / "detectors"
    package.mkdir()
    shutil.copy(detectors.compiled.__file__, package)
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)
    (package / "called.py").write_text(CALLED.format(value=3))
    return package


def test_where_the_disk_is_full_nothing_is_kept_and_everything_runs(
    package: Path, tmp_path: Path
) -> None:
    # writes then fail with EFBIG, as with ENOSPC on a disk that is full
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
    assert run(tmp_path, full) == "6"
    assert sum(path.stat().st_size for path in package.rglob("*.nb*")) == 0
    assert run(tmp_path) == "6"


def test_a_changed_kernel_is_compiled_anew_in_those_that_call_it(
    package: Path, tmp_path: Path
) -> None:
    assert run(tmp_path) == "6"
    kept = list(package.rglob("*.nbc"))
    assert len(kept) == 2
    before = [path.stat().st_mtime_ns for path in kept]
    assert run(tmp_path) == "6"
    assert [path.stat().st_mtime_ns for path in kept] == before
    (package / "called.py").write_text(CALLED.format(value=5))
    assert run(tmp_path) == "10"
