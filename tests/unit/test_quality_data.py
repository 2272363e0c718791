from pathlib import Path

import pytest

from benchmarks.quality.data import cdnow
from streams.errors import ConfigurationError

LINES = """ customer_id  date number_of_cds  dollar_value
 00001 19970101  1   11.77
 00002 19970112  1   12.00
 00002 19970112  5   77.00
 00002 19980201  2   20.76
"""


def test_a_day_of_purchases_is_one_purchase(tmp_path: Path) -> None:
    path = tmp_path / "CDNOW_master.txt"
    path.write_text(LINES)
    histories = cdnow(path)
    assert histories.customer.tolist() == [0, 1, 1]
    assert histories.day.tolist() == [0, 11, 396]


def test_a_missing_file_names_the_command_that_brings_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"make build/data"):
        cdnow(tmp_path / "nothing.txt")
