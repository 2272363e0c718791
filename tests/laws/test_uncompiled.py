import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.laws.seeded import facts

NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def flat(fact: object) -> tuple[list[float], str]:
    """All numbers of a fact, those within texts included, and the text between them."""
    text = json.dumps(fact)
    return [float(number) for number in NUMBER.findall(text)], NUMBER.sub("#", text)


def test_uncompiled_code_decides_the_same() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.laws.seeded"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    uncompiled, compiled = json.loads(printed), facts()
    assert len(compiled) == len(uncompiled) > 500
    for one, other in zip(compiled, uncompiled, strict=True):
        (numbers, text), (other_numbers, other_text) = flat(one), flat(other)
        assert text == other_text
        # some fields keep single precision, and numpy computes in what it keeps; a deadline
        # carries that into the days of silence
        assert numbers == pytest.approx(other_numbers, rel=3e-5, abs=1e-6)
