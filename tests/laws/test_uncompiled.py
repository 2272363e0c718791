"""The same code without numba reads and decides the same."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.laws.seeded import facts

ROOT = Path(__file__).parents[2]
UNCOMPILED = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
LONGEST = 1e6  # days, and any other number but times, which are seconds since the epoch
READING = ("tests/unit/test_ingest.py", "tests/unit/test_ingest_reroutes.py")
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def flat(fact: object) -> tuple[NDArray[np.float64], str]:
    """All numbers of a fact, those within texts included, and the text between them."""
    text = json.dumps(fact)
    return np.array(NUMBER.findall(text), np.float64), NUMBER.sub("#", text)


def test_records_are_read_uncompiled_as_they_are_compiled() -> None:
    """The tests of reading once more; `make rules` and coverage see it uncompiled alone."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *READING],
        cwd=ROOT,
        env=UNCOMPILED,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)  # a minute on a core of its own
def test_uncompiled_code_decides_the_same() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.laws.seeded"],
        cwd=ROOT,
        env=UNCOMPILED,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    uncompiled, compiled = json.loads(printed), facts()
    assert len(compiled) == len(uncompiled) > 500
    for one, other in zip(compiled, uncompiled, strict=True):
        (numbers, text), (other_numbers, other_text) = flat(one), flat(other)
        assert text == other_text
        times = np.abs(other_numbers) > LONGEST
        np.testing.assert_allclose(numbers[times], other_numbers[times], rtol=0.0, atol=1e-3)
        # some fields are kept in single precision, where the last bit is 1.2e-7 of the number
        np.testing.assert_allclose(numbers[~times], other_numbers[~times], rtol=2e-7, atol=1e-9)
