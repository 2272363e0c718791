"""The shops whose inputs `benchmarks.outage` takes away, as events in order."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.clock import DAYS, EPOCH, SHOPS
from detectors.customer import DAY_SECONDS
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import EVENT, Simulation


def closures(shop_id: str) -> tuple[tuple[float, float], ...]:
    """When a shop is closed, apart from its hours."""
    (shop,) = (shop for shop in SHOPS if shop.id == shop_id)
    return tuple(
        (EPOCH + first * DAY_SECONDS, EPOCH + (first + days) * DAY_SECONDS)
        for first, days in shop.closed
    )


def simulated(customers: int, seed: int) -> tuple[NDArray[np.void], float]:
    scenario = Scenario(customers=customers, days=float(DAYS), seed=seed)
    return np.concatenate(list(Simulation(scenario).events())), scenario.end


def purchases(shop_id: str) -> tuple[NDArray[np.void], float]:
    """A year of a shop with opening hours (`benchmarks.quality.clock`), as events."""
    (shop,) = (shop for shop in SHOPS if shop.id == shop_id)
    histories = shop.simulate(800).histories
    events = np.zeros(histories.day.size, EVENT)
    events["time"] = EPOCH + histories.day * DAY_SECONDS
    events["customer"], events["amount"] = histories.customer, 20.0
    for name in ("value", "extra"):
        events[name] = np.nan
    return events[np.argsort(events["time"], kind="stable")], EPOCH + DAYS * DAY_SECONDS
