"""The two real sets as histories, one purchase a customer and day.

CDNOW: every purchase of 23,570 customers who came to a music shop on the web in the first quarter
of 1997, until June 1998 (Fader & Hardie; 69,659 lines, 67,591 days of purchase). Complete Journey:
2,469 households of a grocer in 2017 (155,848 baskets, 126,824 days of purchase).
"""

from pathlib import Path

import numpy as np

from detectors.lab.histories import Histories
from streams.errors import ConfigurationError
from streams.sources.complete_journey import baskets

CDNOW = Path("build/data/btyd/datasets/CDNOW_master.txt")
SAMPLE = CDNOW.with_name("CDNOW_sample.txt")
CDNOW_BEGIN = np.datetime64("1997-01-01")
JOURNEY_BEGIN = np.datetime64("2017-01-01")


def cdnow(path: Path = CDNOW) -> Histories:
    """The master file: customer, date, number of discs, dollars, in columns.

    Raises:
        ConfigurationError: the file is not there.
    """
    return _columns(path, 0)


def cdnow_sample(path: Path = SAMPLE) -> Histories:
    """The tenth of the customers that the literature fits its models to."""
    return _columns(path, 1)


def _columns(path: Path, first: int) -> Histories:
    if not path.exists():
        raise ConfigurationError(f"{path} is not there", remedy=f"Run: make {CDNOW}")
    customers, days, dollars = [], [], []
    for line in path.read_text().splitlines():
        words = line.split()[first:]
        if len(words) == 4 and words[0].isdigit():
            customers.append(int(words[0]))
            days.append(np.datetime64(f"{words[1][:4]}-{words[1][4:6]}-{words[1][6:]}"))
            dollars.append(float(words[3]))
    since = (np.array(days) - CDNOW_BEGIN).astype(np.float64)
    epoch, paid = _seconds(CDNOW_BEGIN), np.array(dollars)
    return Histories.of(np.array(customers), since, epoch=epoch, amount=paid)


def journey() -> Histories:
    """The baskets; the streams that the demo simulates around them are not used for any figure."""
    rows = baskets()
    dates = np.floor(rows["time"] * 1000.0).astype("datetime64[ms]").astype("datetime64[D]")
    since = (dates - JOURNEY_BEGIN).astype(np.float64)
    customers, paid = rows["customer"].astype(np.int64), rows["amount"].astype(np.float64)
    return Histories.of(customers, since, epoch=_seconds(JOURNEY_BEGIN), amount=paid)


def _seconds(day: np.datetime64) -> float:
    return float(day.astype("datetime64[s]").astype(np.int64))
