"""What a metric is: a line of the catalogue, made together with the collector that serves it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info


class Entry(NamedTuple):
    """A line of the catalogue; `name` as it is scraped."""

    name: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


class Durations(Histogram):
    """A histogram without labels that takes many values at once."""

    def observe_all(self, amounts: NDArray[np.float64]) -> None:
        """As `observe` of each."""
        if len(amounts):
            self._sum.inc(float(amounts.sum()))
            found = np.bincount(np.searchsorted(self._upper_bounds, amounts))
            for bucket in np.flatnonzero(found).tolist():
                self._buckets[bucket].inc(int(found[bucket]))


class Catalogue:
    """Metrics on one registry; `catalogue` describes those that were made so far."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.catalogue: list[Entry] = []

    def counter(self, name: str, meaning: str, *labels: str, unit: str = "") -> Counter:
        """One that only grows."""
        self.catalogue.append(Entry(name, "counter", unit, labels, meaning))
        return Counter(name, meaning, labels, registry=self.registry)

    def gauge(self, name: str, meaning: str, unit: str = "", *labels: str) -> Gauge:
        """One that is as it is now."""
        self.catalogue.append(Entry(name, "gauge", unit, labels, meaning))
        return Gauge(name, meaning, labels, registry=self.registry)

    def histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Durations:
        """Seconds, by buckets."""
        self.catalogue.append(Entry(name, "histogram", "seconds", (), meaning, buckets))
        return Durations(name, meaning, buckets=buckets, registry=self.registry)

    def info(self, name: str, meaning: str, *labels: str) -> Info:
        """Texts that hold for the process, in these labels; 1."""
        self.catalogue.append(Entry(f"{name}_info", "info", "", labels, meaning))
        return Info(name, meaning, registry=self.registry)


def table(catalogue: Iterable[Entry]) -> list[str]:
    """The catalogue in Markdown, a line each."""
    lines = ["| Name | Kind | Unit | Labels | Meaning |", "|---|---|---|---|---|"]
    for entry in catalogue:
        labels = ", ".join(f"`{label}`" for label in entry.labels)
        meaning = entry.meaning
        if entry.buckets:
            meaning += f" Buckets: {', '.join(f'{bound:g}' for bound in entry.buckets)}."
        lines.append(f"| `{entry.name}` | {entry.kind} | {entry.unit} | {labels} | {meaning} |")
    return lines
