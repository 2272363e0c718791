"""Shops with opening hours, one that closes for weeks, one for public holidays (simulated).

Customers keep their rhythm in the time that the shop is open: nights, Sundays and closed days are
nobody's silence. A detector that counts them as such is wrong on Mondays, or waits longer for
everybody. Measured: false alerts a living customer-year at the same mean delay, the profile with an
operational clock over the profile without. The clock's hours are learnt from what lies before T0;
closed days and weeks are given to it, as an owner would.

The oracle beside them knows each customer's law and the very hours: no clock can do better.
"""

import math
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from rich.table import Table

from benchmarks.quality.profiles import clock_profiles
from benchmarks.quality.real import COSTS, DRAWS
from benchmarks.quality.report import Report, spanned
from detectors.lab.engine_rows import rows_after, silences
from detectors.lab.evaluate import Tally, at_budget, draws, rate_at_delay, tally
from detectors.lab.histories import Days, Episodes, Histories, episodes
from detectors.profile import Profile
from streams.calendar import public_holidays

BUDGET = 1.0  # false alerts a living customer-year without the clock: sets the delay
LONGEST = 60.0
LEAVING = 0.01  # odds of leaving that the oracle reckons with; the price makes up for it
DAYS = 364
HOURS = 24 * DAYS
CALENDAR = np.arange(HOURS + 1.0) / 24.0  # days at each full hour
EPOCH = 1_704_067_200.0  # 2024-01-01, a Monday


class World(NamedTuple):
    """Who buys when: histories; the day on which each customer stops (inf: never), and their law.

    ln gap is normal, in days of the shop's own time: `location`, `spread`.
    """

    histories: Histories
    left: Days
    location: Days
    spread: Days


@dataclass(frozen=True, slots=True)
class Shop:
    """Opening hours and closed days; the id is permanent.

    week: for each of 168 hours from Monday 0:00 on, how much is bought; closed: (first day, days).
    """

    id: str
    week: tuple[float, ...]
    closed: tuple[tuple[int, int], ...]
    usual_gap_days: float
    seed: int

    @property
    def passed(self) -> Days:
        """Days of the shop's own time gone by at each full hour of the year."""
        return np.concatenate([[0.0], np.cumsum(self.hours)]) / 24.0

    @property
    def hours(self) -> Days:
        """How much is bought in each hour of the year, 1 on the average."""
        hourly = np.resize(np.array(self.week), HOURS)
        for first, days in self.closed:
            hourly[24 * first : 24 * (first + days)] = 0.0
        return np.asarray(hourly / hourly.mean())

    def simulate(self, customers: int) -> World:
        """Renewal processes on the shop's own time; half of the customers stop at some moment."""
        rng = np.random.default_rng(self.seed)
        mean = np.log(self.usual_gap_days) + rng.normal(0.0, 0.4, customers)
        spread = rng.uniform(0.25, 0.5, customers)
        count = int(3.0 * DAYS / self.usual_gap_days) + 20
        gaps = np.exp(mean[:, None] + spread[:, None] * rng.standard_normal((customers, count)))
        begins = rng.uniform(0.0, np.exp(mean))
        own = begins[:, None] + np.cumsum(gaps, axis=1)
        days = np.interp(own, self.passed, CALENDAR, right=np.inf)
        stops = rng.random(customers) < 0.5
        left = np.where(stops, rng.uniform(0.45, 0.8, customers) * DAYS, np.inf)
        bought = days < np.minimum(left, DAYS)[:, None]
        who = np.nonzero(bought)[0]
        return World(Histories.of(who, days[bought], float(DAYS), EPOCH), left, mean, spread)


def _week(opens: int, closes: int, days: int) -> tuple[float, ...]:
    """Open from hour to hour on the first so many days, most bought at noon and in the evening."""
    hours = np.arange(24)
    day = ((hours >= opens) & (hours < closes)) * (1.0 + ((hours == 12) | (hours >= 17)))
    return tuple(np.concatenate([day if i < days else np.zeros(24) for i in range(7)]).tolist())


SHOPS = (
    Shop("hours-1", _week(7, 20, 6), (), usual_gap_days=1.0, seed=44),
    # two weeks at New Year, one at Easter, three in summer, one in autumn
    Shop("closures-1", _week(0, 24, 7), ((86, 8), (198, 21), (296, 8), (350, 14)), 4.0, seed=45),
    # the same hours, and the public holidays of Bavaria, most of which touch a weekend
    Shop(
        "holidays-1",
        _week(7, 20, 6),
        tuple(
            ((day - date(2024, 1, 1)).days, 1)
            for day in public_holidays("DE", "BY")
            if day.year == 2024 and day < date(2024, 12, 30)
        ),
        usual_gap_days=1.0,
        seed=46,
    ),
)


def evaluate(report: Report, *, quick: bool) -> None:
    """All shops, into the report."""
    table = Table("shop", "clock", title="opening hours and closed days", title_justify="left")
    table.add_column("false alerts a living year", justify="right")
    table.add_column("at a mean delay of days", justify="right")
    ratios = []
    for shop in SHOPS:
        world = shop.simulate(200 if quick else 800)
        begin = 0.3 * DAYS
        tallies = {
            name: counted(world, begin, profile)
            for name, profile in clock_profiles(world.histories.before(begin), shop.closed).items()
        }
        tallies["oracle"] = counted_by_oracle(world, begin, shop)
        weights = draws(len(tallies["off"].lost), DRAWS)
        delay = at_budget(tallies["off"], BUDGET, weights).delay_days
        for name, one in tallies.items():
            rate = rate_at_delay(one, delay, weights)
            table.add_row(shop.id, name, spanned(rate, 2), spanned(delay, 1))
            report.figure(f"clock_{name}_{shop.id.replace('-', '_')}_false_a_year", rate)
        ratios.append(ratio(tallies["off"], tallies["on"], weights))
        known = ratio(tallies["off"], tallies["oracle"], weights)
        report.figure(f"clock_{shop.id.replace('-', '_')}_ratio", ratios[-1])
        report.figure(f"clock_{shop.id.replace('-', '_')}_oracle_ratio", known)
    report.console.print(table)
    worst = max(ratios, key=lambda draws: float(draws[0]))
    report.figure("clock_false_alarm_ratio", worst)
    each = ", ".join(
        f"{shop.id} {spanned(one, 2)}" for shop, one in zip(SHOPS, ratios, strict=True)
    )
    report.note(f"False alerts with the clock over those without: {each}")


def judged(world: World, begin: float) -> Episodes:
    """The silences from `begin` on of who stays, and the last ones of who stops."""
    found = episodes(world.histories, begin, world.histories.end)
    return found.take(~found.lost | np.isfinite(world.left[found.customer]))


def counted(world: World, begin: float, profile: Profile) -> Tally:
    """The engine with this profile over a shop's customers."""
    found = judged(world, begin)
    rows = rows_after(world.histories, found.purchase, profile)
    return tally(found, COSTS, silences(rows, profile, COSTS), LONGEST)


def counted_by_oracle(world: World, begin: float, shop: Shop) -> Tally:
    """Rule D with the customers' own laws and the shop's own time.

    ln f = -z^2 / 2 - ln(spread sqrt(2 pi)) - location - z spread is at the bar, from the median on,
    at z = -spread + sqrt(spread^2 - 2 (ln(spread sqrt(2 pi)) + location + ln bar)).
    """
    found = judged(world, begin)
    location, spread = world.location[found.customer, None], world.spread[found.customer, None]
    delay = np.log1p(Profile().gap_delay_days * np.exp(-location))
    log_bar = math.log(LEAVING) + delay - np.log(COSTS)
    rest = np.log(spread * math.sqrt(2.0 * math.pi)) + location + log_bar
    z = np.maximum(np.sqrt(np.maximum(spread**2 - 2.0 * rest, 0.0)) - spread, 0.0)
    begins = world.histories.day[found.purchase, None]
    own = np.interp(begins, CALENDAR, shop.passed) + np.exp(location + z * spread)
    return tally(found, COSTS, np.interp(own, shop.passed, CALENDAR) - begins, LONGEST)


def ratio(off: Tally, on: Tally, weights: Days) -> Days:
    """False alerts with the clock over those without, at the delay without it at the budget."""
    delay = at_budget(off, BUDGET, weights).delay_days
    return np.asarray(rate_at_delay(on, delay, weights) / rate_at_delay(off, delay, weights))
