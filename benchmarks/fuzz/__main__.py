"""See `benchmarks.fuzz.run`, which this starts with kernels that check their bounds."""

import os
import sys
from pathlib import Path

# numba looks at both when it is loaded; what it compiles so must not be taken for the usual
CHECKED = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(Path("build/fuzz/kernels").absolute())}

if __name__ == "__main__":
    command = [sys.executable, "-m", "benchmarks.fuzz.run", *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, **CHECKED})  # noqa: S606 (no shell wanted)
