"""What an outage of the purchases does to alerts, with and without the source-outage guard.

Simulated customers buy, visit and leave as in `detectors.lab`; then the purchases of six hours, of
a day and of three days are taken away, for good (lost) or until the outage is over (held up). An
alert about silence is false by the outage if its customer had bought, unseen, since the last
purchase that the alert knows, and goes on buying. A silence that truly falls due meanwhile, in the
whole stream, and lasts until it can be said, has to be said once (or another cause has opened the
episode before), later by no more than the outage as it was found.
Then a year without any outage: how often an input is taken for out, and whether a decision differs
from one without the guard; a year of a shop that is shut on public holidays, which the guard takes
for outages if nobody gives them; and what the guard costs, batch by batch in turns with an engine
without it.
"""

import argparse
import sys
from dataclasses import replace
from statistics import median
from time import process_time_ns
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.outage_shops import closures, purchases, simulated
from benchmarks.quality.clock import DAYS, EPOCH, SHOPS
from benchmarks.quality.profiles import clock_profiles
from detectors.clock.guard import Guard
from detectors.clock.value import FLAT_CLOCK, Clock
from detectors.customer import DAY_SECONDS, Cause
from detectors.engine import advance, apply
from detectors.judgement.episodes import Status
from detectors.lab.decided import empty_state, observations
from detectors.observations import Input
from detectors.profile import Profile
from streams.figures import Figure, write_figures

BEGIN_DAY = 200.4  # in the morning of a weekday
AFTER_DAYS = 21.0  # what an outage does shows within three weeks
LENGTHS = {"6_h": 0.25, "1_d": 1.0, "3_d": 3.0}
ROUNDING_SECONDS = 60.0
HOLIDAYS = "holidays-1"  # a shop of `benchmarks.quality.clock`
EARLY_DAYS = 5.0  # of delay, for a false alert: customers who come daily are missed after four
BATCH, ROUNDS = 4096, 5
# A false alert at the price of twenty days of delay, the lowest that `offbeat calibrate` comes to:
# who alerts early is hit most.
OFF = Profile(alert_cost_days=20.0)
ON = replace(OFF, guard=Guard(enabled=True))


class Run(NamedTuple):
    """What was opened for silence, and for anything: (row, time, last purchase seen); outages."""

    said: NDArray[np.float64]
    opened: NDArray[np.float64]
    everything: bytes
    outages: tuple[tuple[float, float], ...]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=3000)
    arguments.add_argument("--seeds", type=int, default=3)
    options = arguments.parse_args()
    seeds = range(71, 71 + options.seeds)
    figures: dict[str, Figure] = {"customers": options.customers, "seeds": options.seeds}
    figures |= interrupted(options.customers, seeds)
    figures |= uninterrupted(options.customers, seeds)
    figures |= holidays()
    figures |= price(options.customers, seeds[0])
    write_figures("outage", figures)
    wrong = [name for name, value in figures.items() if name.endswith(MUST_BE_NONE) and value]
    sys.exit(bool(wrong))


MUST_BE_NONE = ("_not_once", "_too_late", "year_outages", "year_runs_that_differ")


def interrupted(customers: int, seeds: range) -> dict[str, Figure]:
    """Outages of every length and kind, in shops of weekly customers and in one of daily ones."""
    shops = {f"weekly {seed}": simulated(customers, seed) for seed in seeds}
    shops["daily"] = purchases("hours-1")
    table = Table(
        "customers", "outage", "purchases", "false without", "false with", "truly due", "not once"
    )
    counts: dict[tuple[str, str, str], Outcome] = {}
    for shop, (events, _) in shops.items():
        beat = shop.split()[0]
        begin = float(events["time"][0] // DAY_SECONDS * DAY_SECONDS) + BEGIN_DAY * DAY_SECONDS
        lived = events[events["time"] < begin + 40.0 * DAY_SECONDS]
        who = int(lived["customer"].max()) + 1
        whole = run(lived, lived["time"], who, OFF, begin + 40.0 * DAY_SECONDS)
        for name, days in LENGTHS.items():
            for kind in ("lost", "held_up"):
                one = outage(lived, whole, (begin, begin + days * DAY_SECONDS), kind, who)
                before = counts.get((beat, name, kind), Outcome(0, 0, 0, 0, 0, 0))
                counts[beat, name, kind] = Outcome(*np.add(before, one).tolist())
    figures: dict[str, Figure] = {}
    for (beat, name, kind), one in counts.items():
        for field, value in one._asdict().items():
            figures[f"{beat}_{name}_{kind}_{field}"] = value
        table.add_row(beat, name, kind, *map(str, one[:4]))
    Console().print(table)
    return figures


class Outcome(NamedTuple):
    """Of one outage: false alerts without and with the guard; silences that truly fell due, those
    not said once, and those said too late; how often it was found.
    """

    false_without: int
    false_with: int
    due: int
    not_once: int
    too_late: int
    found: int


def outage(
    events: NDArray[np.void], whole: Run, span: tuple[float, float], kind: str, customers: int
) -> Outcome:
    """The same events less those purchases, with and without the guard."""
    bought = events[events["input"] == Input.PURCHASES]
    missing = (events["input"] == Input.PURCHASES) & inside(events["time"], span)
    counts = np.where(missing, span[1], events["time"])
    seen = events
    if kind == "lost":
        seen, counts = events[~missing], counts[~missing]
    order = np.argsort(counts, kind="stable")
    end = span[0] + 40.0 * DAY_SECONDS
    off, on = (run(seen[order], counts[order], customers, one, end) for one in (OFF, ON))
    found = on.outages[-1] if on.outages else span
    longer = found[1] - found[0] + ROUNDING_SECONDS
    due = not_once = too_late = 0
    for row, time, last in whole.said[inside(whole.said[:, 1], (found[0], span[1]))]:
        mine = bought["time"][bought["customer"] == row]
        if np.any((mine > last) & (mine <= time + longer)):
            continue  # came back before it could be said
        due += 1
        said = on.opened[(on.opened[:, 0] == row) & (on.opened[:, 2] == last)]
        not_once += len(said) != 1
        too_late += len(said) == 1 and bool(said[0, 1] - time > longer)
    return Outcome(
        unfounded(off, whole, bought, span),
        unfounded(on, whole, bought, span),
        due,
        not_once,
        too_late,
        len(on.outages),
    )


def inside(times: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((times >= span[0]) & (times < span[1]))


def unfounded(run: Run, whole: Run, bought: NDArray[np.void], span: tuple[float, float]) -> int:
    """Silences said of customers who had bought since the last purchase that was seen.

    Not of those of whom the whole stream says the same a little later: they did fall silent.
    """
    silent = set(whole.said[whole.said[:, 1] >= span[0], 0].tolist())
    shown = (span[0], span[1] + AFTER_DAYS * DAY_SECONDS)
    count = 0
    for row, time, last in run.said[inside(run.said[:, 1], shown)]:
        mine = bought["time"][bought["customer"] == row]
        count += row not in silent and bool(np.any((mine > last) & (mine <= time)))
    return count


def run(
    events: NDArray[np.void],
    effective: NDArray[np.float64],
    customers: int,
    profile: Profile,
    end: float,
) -> Run:
    """The engine over events, which count at these times."""
    state = empty_state(customers, profile)
    batch = observations(events)
    batch.observations["effective_time"] = effective
    parts = [apply(state, batch), advance(state, end)]
    records = np.concatenate([part.records for part in parts])
    rows = np.concatenate([part.customers for part in parts])
    is_open = records["status"] == Status.OPENED
    silent = records["causes"][is_open] & Cause.PURCHASE_SILENCE > 0
    fields = (records["row"], records["time"], rows["last_purchase"])
    opened = np.column_stack([np.asarray(field[is_open], np.float64) for field in fields])
    everything = b"".join(records[name].tobytes() for name in records.dtype.names or ())
    return Run(opened[silent], opened, everything, state.outages(Input.PURCHASES))


def uninterrupted(customers: int, seeds: range) -> dict[str, Figure]:
    """A year in which nothing is out: flat shops, and some with opening hours or closed weeks."""
    table = Table("a year without an outage", "purchases a day", "outages", "decisions differ")
    figures: dict[str, Figure] = {"year_outages": 0, "year_runs_that_differ": 0}
    shops = {f"seed {seed}": simulated(customers, seed) for seed in seeds}
    shops |= {shop.id: purchases(shop.id) for shop in SHOPS if shop.id != HOLIDAYS}
    for name, (events, end) in shops.items():
        who = int(events["customer"].max()) + 1
        clock = Clock(closed=closures(name)) if name.startswith("closures") else FLAT_CLOCK
        off, on = (
            run(events, events["time"], who, replace(one, clock=clock), end) for one in (OFF, ON)
        )
        differ = off.everything != on.everything
        daily = np.count_nonzero(events["input"] == Input.PURCHASES) / DAYS
        table.add_row(name, f"{daily:.0f}", str(len(on.outages)), "yes" if differ else "no")
        figures["year_outages"] = int(figures["year_outages"]) + len(on.outages)
        figures["year_runs_that_differ"] = int(figures["year_runs_that_differ"]) + differ
    Console().print(table)
    figures["years"] = len(shops)
    return figures


def holidays() -> dict[str, Figure]:
    """A shop that is shut on public holidays: known to nobody, to the guard's eye, and given.

    The profile is fitted to the shop, at a price at which alerts come early. False is an alert
    about silence whose customer comes again; the delay is from the last purchase on to the alert,
    of those who stay away and of whom it is said in all three ways.
    """
    (shop,) = (shop for shop in SHOPS if shop.id == HOLIDAYS)
    fitted = clock_profiles(shop.simulate(800).histories.before(0.3 * DAYS), shop.closed)["off"]
    early = replace(fitted, alert_cost_days=EARLY_DAYS)
    guarded = replace(early, guard=Guard(enabled=True))
    given = replace(guarded, clock=Clock(closed=closures(HOLIDAYS)))
    ways = {"unknown": early, "guarded": guarded, "given": given}
    events, end = purchases(HOLIDAYS)
    runs = {way: run(events, events["time"], 800, one, end) for way, one in ways.items()}
    last = np.zeros(800)
    np.maximum.at(last, events["customer"], events["time"])
    spoken: dict[str, dict[int, float]] = {}
    figures: dict[str, Figure] = {"holidays": len(shop.closed)}
    for way, one in runs.items():
        rows, times = one.said[:, 0].astype(int), one.said[:, 1]
        gone = times > last[rows]
        spoken[way] = {int(r): t - last[r] for r, t in zip(rows[gone], times[gone], strict=True)}
        figures[f"holidays_{way}_false"] = int(np.count_nonzero(~gone))
        figures[f"holidays_{way}_most_a_day"] = int(
            np.bincount(((times - EPOCH) // DAY_SECONDS).astype(int)).max()
        )
        figures[f"holidays_{way}_outages"] = len(one.outages)
    both = set.intersection(*(set(one) for one in spoken.values()))
    table = Table("public holidays", "outages", "false alerts", "most in a day", "mean delay, days")
    for way in ways:
        delay = float(np.mean([spoken[way][row] for row in both])) / DAY_SECONDS
        figures[f"holidays_{way}_delay_days"] = delay
        cells = [figures[f"holidays_{way}_{what}"] for what in ("outages", "false", "most_a_day")]
        table.add_row(way, *map(str, cells), f"{delay:.2f}")
    Console().print(table)
    return figures


def price(customers: int, seed: int) -> dict[str, Figure]:
    """CPU time of the engine with the guard over that without: the same batches in turns."""
    events, _ = simulated(customers, seed)
    ratios, costs = [], []
    for number in range(ROUNDS):
        states = [empty_state(customers, one) for one in (OFF, ON)]
        for first in range(0, len(events), BATCH):
            batch = observations(events[first : first + BATCH])
            taken = [0, 0]
            for which in (0, 1) if (first // BATCH + number) % 2 else (1, 0):
                began = process_time_ns()
                apply(states[which], batch)
                taken[which] = process_time_ns() - began
            ratios.append(taken[1] / taken[0])
            costs.append(taken[0] / len(batch.observations))
    figures: dict[str, Figure] = {
        "price_ratio": median(ratios),
        "price_engine_ns_an_event": median(costs),
        "price_events_a_day": len(events) / DAYS,
    }
    Console().print(
        f"the engine takes {figures['price_ratio']:.3f} times as long with the guard as without, "
        f"at {figures['price_events_a_day']:.0f} events a day"
    )
    return figures


if __name__ == "__main__":
    main()
