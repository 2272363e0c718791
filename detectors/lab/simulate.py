"""Events of simulated customers, in event-time order, a stretch of time at once.

Healthy behaviour, per customer (`scenario.CUSTOMERS` holds the parameters):

* **purchases**: a renewal process, ln(gap in days) ~ N(gap_mean, gap_sd);
  ln(amount) ~ N(amount_mean, 0.35);
* **visits**: the same, some two and a half times as often; sessions, or bookings, mostly kept;
* **payments**: due every 30 days; 93 % paid on time, 5 % late by 2 to 9 days, 2 % failed;
* **support**: a Poisson process, about one contact a year.

From the onset of a drift on, what it says in `scenario.Drift` holds; a gap that is open at the
onset is stretched from there on. Nothing is bought, visited or paid after `left`.

Memory is a row a customer and the events of one stretch (about `CHUNK`), however long the time is.
The draws happen in a fixed order, so the events depend on the scenario alone.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detectors.lab.scenario import DAY, DRIFTS, HEALTHY, NEVER, Drift, Scenario, draw
from detectors.observations import Input, PaymentStatus, PurchaseKind, SupportKind, VisitKind

#: Events a stretch, roughly: small enough for a cache, large enough that numpy's overhead vanishes.
CHUNK = 50_000

#: What a stretch consists of. `value` and `extra` are, by input, what they are in an observation:
#: visits (duration_seconds, rescheduled), payments (due_time, period_days), support (score,
#: severity).
EVENT = np.dtype(
    [
        ("time", "f8"),  # event time, seconds since the epoch, a whole number of milliseconds
        ("amount", "f8"),  # NaN when absent, as are the next two
        ("value", "f8"),
        ("extra", "f8"),
        ("number", "i8"),  # 0, 1, 2 … within its input: the event's id
        ("customer", "i4"),
        ("input", "u1"),
        ("kind", "u1"),
    ],
    align=True,
)

TRUTH = np.dtype([("customer", "i4"), ("kind", "u1"), ("onset", "f8"), ("left", "f8")], align=True)

PERIOD_DAYS = 30.0
_RESCALE = {Drift.SLOW_DOWN: 4.0}  # of gaps, from the onset on
_COMPLAINING_RATE = 1 / 8  # contacts a day

Stretch = tuple[NDArray[np.int64], NDArray[np.float64]]


def customer_id(index: int) -> str:
    """The name of the customer with this index."""
    return f"c-{index:06d}"


class Simulation:
    """One run of a scenario.

    >>> simulation = Simulation(Scenario(customers=3, days=30))
    >>> chunks = list(simulation.events())
    >>> bool((np.diff(np.concatenate(chunks)["time"]) >= 0).all())
    True
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._rng = np.random.default_rng(scenario.seed)
        self.customers = draw(scenario, self._rng)
        self._of_kind = {kind: self.customers["kind"] == code for code, kind in enumerate(DRIFTS)}
        self._numbers = np.zeros(len(Input), np.int64)

    @property
    def truth(self) -> NDArray[np.void]:
        """Who drifted, how (index into DRIFTS), since when, and when they left: array of TRUTH."""
        drifted = np.flatnonzero(self.customers["kind"] != HEALTHY)
        rows = np.empty(drifted.size, TRUTH)
        rows["customer"] = drifted
        for name in ("kind", "onset", "left"):
            rows[name] = self.customers[name][drifted]
        return rows

    def events(self) -> Iterator[NDArray[np.void]]:
        """Yield arrays of EVENT, sorted by (time, input) within and between them. Once only."""
        who = self.customers
        left, everyone = who["left"], np.arange(who.size)
        visits_until = np.where(self._of_kind[Drift.VISITS_FIRST], who["onset"], left)
        first = self._rng.uniform(0.0, 1.0, (3, who.size))
        purchase = who["joined"] + first[0] * np.exp(who["gap_mean"]) * DAY
        visit = who["joined"] + first[1] * np.exp(who["visit_gap_mean"]) * DAY
        contact = self._next_contact(everyone, who["joined"])
        due = who["first_due"].copy()
        status, payment = self._bill(everyone, due)
        for end in self._stretches():
            parts = []
            for index, times in self._due(purchase, left, end):
                parts.append(self._purchases(index, times))
                purchase[index] = self._next(index, times, who["gap_mean"])
            for index, times in self._due(visit, visits_until, end):
                parts.append(self._visits(index, times))
                visit[index] = self._next(index, times, who["visit_gap_mean"])
            for index, times in self._due(payment, left, end, vacations=False):
                parts.append(self._payments(index, times, status[index], due[index]))
                due[index] += PERIOD_DAYS * DAY
                status[index], payment[index] = self._bill(index, due[index])
            for index, times in self._due(contact, left, end):
                parts.append(self._contacts(index, times))
                contact[index] = self._next_contact(index, times)
            yield self._in_order(parts)

    def _stretches(self) -> Iterator[float]:
        """The ends of the stretches: as long as it takes for CHUNK events, 30 days at most."""
        who, scenario = self.customers, self.scenario
        daily = np.exp(-who["gap_mean"]) + np.exp(-who["visit_gap_mean"]) + 0.5 / PERIOD_DAYS
        step = min(30.0, CHUNK / float(daily.sum()))
        count = int(np.ceil(scenario.days / step))
        for number in range(1, count):
            yield scenario.start + number * step * DAY
        yield scenario.end

    def _due(
        self,
        upcoming: NDArray[np.float64],
        until: NDArray[np.float64],
        end: float,
        *,
        vacations: bool = True,
    ) -> Iterator[Stretch]:
        """Yield (customers, times) of what comes before `end`, until nothing does.

        The caller puts the next times into `upcoming`. What falls into a vacation comes some days
        after its end; what falls after `until`, never.
        """
        who = self.customers
        while True:
            index = np.flatnonzero(upcoming < end)
            if not index.size:
                return
            times = upcoming[index]
            if vacations:
                inside = (who["away_from"][index] <= times[:, None]) & (
                    times[:, None] < who["away_to"][index]
                )
                away = inside.any(axis=1)
                back = np.where(inside, who["away_to"][index], 0.0).max(axis=1)[away]
                times[away] = back + self._rng.exponential(DAY, back.size)
            times[times >= until[index]] = NEVER
            upcoming[index] = times
            now = times < end
            if now.any():
                yield index[now], times[now]

    def _next(
        self, index: NDArray[np.int64], times: NDArray[np.float64], mean: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The event after the ones at `times`: a log-normal gap, stretched from the onset on."""
        who = self.customers
        gaps = np.exp(self._rng.normal(mean[index], who["gap_sd"][index])) * DAY
        following = times + gaps
        for kind, factor in _RESCALE.items():
            following = self._from_onset(index, times, following, self._of_kind[kind], factor)
        return following

    def _from_onset(
        self,
        index: NDArray[np.int64],
        times: NDArray[np.float64],
        following: NDArray[np.float64],
        drifts: NDArray[np.bool_],
        factor: float | NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Stretch by `factor` the part of the gaps (times, following) that lies after the onset."""
        turn = np.maximum(self.customers["onset"][index], times)
        stretches = drifts[index] & (following > turn)
        turn = np.where(stretches, turn, 0.0)
        return np.where(stretches, turn + (following - turn) * factor, following)

    def _next_contact(
        self, index: NDArray[np.int64], times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        rates = self.customers["support_rate"][index]
        following = times + self._rng.exponential(1.0, index.size) / rates * DAY
        complaining = self._of_kind[Drift.COMPLAINTS]
        return self._from_onset(index, times, following, complaining, rates / _COMPLAINING_RATE)

    def _bill(
        self, index: NDArray[np.int64], due: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """What becomes of the payments due then: (PaymentStatus, when it shows)."""
        rng, n = self._rng, index.size
        troubled = self._of_kind[Drift.PAYMENT_TROUBLE][index] & (
            due >= self.customers["onset"][index]
        )
        chance, lag = rng.random(n), rng.random(n)
        failed = chance < np.where(troubled, 0.40, 0.02)
        late = ~failed & (chance < np.where(troubled, 0.80, 0.07))
        status = np.full(n, PaymentStatus.PAID, np.uint8)
        status[failed], status[late] = PaymentStatus.FAILED, PaymentStatus.LATE
        days = np.where(failed, lag, np.where(late, 2.0 + 7.0 * lag, lag - 0.5))
        return status, due + days * DAY

    def _since_onset(
        self, drift: Drift, index: NDArray[np.int64], times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Days since the onset for those whom this drift befell; negative for everyone else."""
        days = (times - self.customers["onset"][index]) / DAY
        return np.where(self._of_kind[drift][index], days, -1.0)

    def _rows(
        self, kind: Input, index: NDArray[np.int64], times: NDArray[np.float64]
    ) -> NDArray[np.void]:
        rows = np.zeros(index.size, EVENT)
        rows["time"] = np.floor(times * 1000.0) / 1000.0
        rows["customer"], rows["input"] = index, kind
        rows["amount"] = rows["value"] = rows["extra"] = np.nan
        return rows

    def _purchases(self, index: NDArray[np.int64], times: NDArray[np.float64]) -> NDArray[np.void]:
        rows = self._rows(Input.PURCHASES, index, times)
        amounts = np.exp(self._rng.normal(self.customers["amount_mean"][index], 0.35))
        since = self._since_onset(Drift.SPEND_DECLINE, index, times)
        amounts *= 1.0 - 0.67 * np.clip(since / 60.0, 0.0, 1.0)
        rows["amount"] = np.round(amounts, 2)
        rows["kind"] = PurchaseKind.ORDER
        return rows

    def _visits(self, index: NDArray[np.int64], times: NDArray[np.float64]) -> NDArray[np.void]:
        rows = self._rows(Input.VISITS, index, times)
        books = self.customers["books"][index]
        chance = self._rng.random(index.size)
        missing = self._since_onset(Drift.NO_SHOWS, index, times) >= 0
        no_show = books & (chance < np.where(missing, 0.55, 0.05))
        cancelled = books & ~no_show & (chance > 0.96)
        rows["kind"] = np.where(books, VisitKind.ATTENDED, VisitKind.SESSION)
        rows["kind"][no_show], rows["kind"][cancelled] = VisitKind.NO_SHOW, VisitKind.CANCELLED
        seconds = np.round(np.exp(self._rng.normal(np.log(420.0), 0.8, index.size)))
        rows["value"] = np.where(books, np.nan, seconds)
        return rows

    def _payments(
        self,
        index: NDArray[np.int64],
        times: NDArray[np.float64],
        status: NDArray[np.uint8],
        due: NDArray[np.float64],
    ) -> NDArray[np.void]:
        rows = self._rows(Input.PAYMENTS, index, times)
        rows["kind"], rows["amount"] = status, self.customers["fee"][index]
        rows["value"], rows["extra"] = np.floor(due * 1000.0) / 1000.0, PERIOD_DAYS
        return rows

    def _contacts(self, index: NDArray[np.int64], times: NDArray[np.float64]) -> NDArray[np.void]:
        rows, n = self._rows(Input.SUPPORT, index, times), index.size
        angry = self._since_onset(Drift.COMPLAINTS, index, times) >= 0
        chance = self._rng.random(n)
        complaint = chance < np.where(angry, 0.60, 0.15)
        opened = ~complaint & (chance < np.where(angry, 0.85, 0.60))
        nps = ~complaint & ~opened & (chance < np.where(angry, 1.0, 0.85))
        csat = ~complaint & ~opened & ~nps
        for rated, kind in ((complaint, SupportKind.COMPLAINT), (opened, SupportKind.OPENED)):
            rows["kind"][rated] = kind
            rows["extra"][rated] = self._rng.integers(1, 4, int(rated.sum()))
        rows["kind"][nps], rows["kind"][csat] = SupportKind.NPS, SupportKind.CSAT
        scores = self._rng.integers(7, 11, n)
        rows["value"][nps] = np.where(angry, scores - 7, scores)[nps]
        rows["value"][csat] = np.minimum(scores - 4, 5)[csat]
        return rows

    def _in_order(self, parts: list[NDArray[np.void]]) -> NDArray[np.void]:
        rows = np.concatenate(parts) if parts else np.empty(0, EVENT)
        rows = rows[np.lexsort((rows["input"], rows["time"]))]
        for code in Input:
            mine = np.flatnonzero(rows["input"] == code)
            rows["number"][mine] = self._numbers[code] + np.arange(mine.size)
            self._numbers[code] += mine.size
        return rows
