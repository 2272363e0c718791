"""A worker under load, Prometheus that scrapes it, Alertmanager that calls somebody."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import (
    Worker,
    console,
    create_topics,
    ends,
    environment,
    named,
    wait_until_consumed,
    workers,
)
from benchmarks.sre import checks, load
from benchmarks.sre.servers import Alertmanager, Prometheus, receiver
from benchmarks.sre.tools import Tools
from detectors.observations import Input
from streams.kafka.broker import bootstrap
from streams.settings import Settings
from streams.sources.kafka import Sender

LIVE_SECONDS = 40.0
PATIENCE_SECONDS = 60.0
RATE_INTERVAL = "8s"  # Grafana's is four scrapes at least
# of what has not happened in this run: nothing is held back without [policy]
EMPTY = {"churn: Held back a day"}


@dataclass
class Outcome:
    """Figures, and what is not as it should be."""

    figures: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def expect(self, fine: bool, fault: str) -> None:  # noqa: FBT001 (what it is about)
        """Note a fault unless it is fine."""
        if not fine:
            self.faults.append(fault)
            console.print(f"  NOT FINE: {fault}", markup=False, soft_wrap=True)


class Watched(NamedTuple):
    """Who watches the worker."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    told: set[tuple[str, str, str]]  # receiver, alert, status


async def watch(tools: Tools) -> Outcome:
    """The whole, told as it goes."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="offbeat-sre-") as name, bootstrap(None) as broker:
        settings = named(broker, f"sre-{int(time.time()):x}")
        await create_topics(settings)
        worker = Worker(settings.group, environment(settings))
        folder, target = Path(name), worker.pages.removeprefix("http://")
        async with (
            receiver() as called,
            Alertmanager(tools, folder, called.address) as manager,
            Prometheus(tools, folder, [target], manager.address) as prometheus,
            Sender(settings) as sender,
        ):
            watched = Watched(prometheus, manager, called.told)
            contacts = await _history(sender)
            with workers(worker):
                await _eventually(lambda: _some(prometheus, "up"), "the first scrape")
                since = time.monotonic()
                await _under_load(settings, worker, sender, prometheus, outcome)
                await _rules(watched, outcome)
                await _dashboards(watched, outcome)
                await _scrapes(since, watched, outcome)
                await _broken_records(sender, contacts, watched, outcome)
                await _worker_ends(worker, watched, outcome)
            outcome.figures["receiver_called"] = len(called.told)
    return outcome


async def _history(sender: Sender) -> int:
    """Send a year and more; how many contacts with support there were.

    All of it before the worker starts: an input that is read to its end follows the clock, and what
    comes then is late.
    """
    console.print(f"{load.CUSTOMERS:,} customers buy, visit and leave for {load.DAYS:.0f} days …")
    contacts = 0
    for lines in load.history():
        contacts += sum(len(one.values) for one in lines if one.source is Input.SUPPORT)
        await sender.send(lines)
    await sender.flush()
    return contacts


async def _under_load(
    settings: Settings, worker: Worker, sender: Sender, prometheus: Prometheus, outcome: Outcome
) -> None:
    """The worker reads the year, then what happens now."""
    total = sum((await ends(settings, settings.topics.inputs)).values())
    await wait_until_consumed(settings, total, [worker], PATIENCE_SECONDS)
    console.print(f"… {total:,} events were read; now as it happens, for {LIVE_SECONDS:.0f} s")
    await load.live(sender, LIVE_SECONDS)
    learnt = "offbeat_model_labels"
    await _eventually(lambda: _some(prometheus, learnt), "a label of the model")
    outcome.figures["events"] = total


async def _rules(watched: Watched, outcome: Outcome) -> None:
    """Every rule was evaluated without an error, and every recorded figure says something."""
    found = await watched.prometheus.rules()
    fine = [rule for rule in found if rule["health"] == "ok" and not rule.get("lastError")]
    for rule in found:
        said = rule.get("lastError") or rule["health"]
        outcome.expect(rule in fine, f"rule {rule['name']}: {said}")
    outcome.expect(len(found) == len(checks.rules()), f"{len(found)} rules were loaded")
    recorded = [rule["name"] for rule in found if rule["type"] == "recording"]
    with_data = 0
    for name in recorded:
        answer = await watched.prometheus.query(name)
        with_data += bool(answer)
        outcome.expect(bool(answer), f"{name} has no data")
    outcome.figures |= {
        "rules_evaluated_without_error": len(fine),
        "recorded_figures": len(recorded),
        "recorded_figures_with_data": with_data,
    }
    console.print(f"{len(fine)} rules are evaluated without error, {with_data} figures recorded")


async def _dashboards(watched: Watched, outcome: Outcome) -> None:
    """Every panel's queries are answered, and with something."""
    queries = with_data = 0
    for title, asked in checks.panels():
        answers = []
        for expr in asked:
            filled_in = expr.replace("$__rate_interval", RATE_INTERVAL).replace("$job", ".+")
            try:
                answers.append(await watched.prometheus.query(filled_in))
            except ValueError as error:
                outcome.expect(fine=False, fault=f"{title}: {error}")
        queries += len(answers)
        with_data += sum(map(bool, answers))
        outcome.expect(any(answers) or title in EMPTY, f"{title}: no data")
    outcome.figures |= {"panel_queries": queries, "panel_queries_with_data": with_data}
    console.print(f"{queries} queries of dashboards are answered, {with_data} with data")


async def _scrapes(since: float, watched: Watched, outcome: Outcome) -> None:
    """The worker answered under load, from its first answer on."""
    window = f"{time.monotonic() - since:.0f}s"
    fine = await watched.prometheus.value(f'sum_over_time(up{{job="offbeat"}}[{window}])')
    tried = await watched.prometheus.value(f'count_over_time(up{{job="offbeat"}}[{window}])')
    outcome.figures |= {"scrapes_ok": int(fine), "scrapes_failed": int(tried - fine)}
    # it may be busy for the length of a scrape while it reads a year within seconds
    outcome.expect(tried >= 10 and fine >= 0.9 * tried, f"{fine} of {tried} scrapes were answered")
    console.print(f"{fine:.0f} of {tried:.0f} scrapes were answered under load")


async def _broken_records(
    sender: Sender, contacts: int, watched: Watched, outcome: Outcome
) -> None:
    """One in thirty records of a topic cannot be read: whoever is on call hears of it."""
    number = max(contacts // 25, 200)
    console.print(f"{number} records that are no events, among {4 * number} good ones …")
    await load.broken(sender, number, 4 * number)
    expected = ("daytime", "OffbeatDeadLetters", "firing")
    await _told(watched, outcome, expected)


async def _worker_ends(worker: Worker, watched: Watched, outcome: Outcome) -> None:
    """The worker ends, and is started again: heard of both, and its gauges are as before."""
    prometheus = watched.prometheus
    figures = ("sum(offbeat_customers)", 'sum(offbeat_customers{state="churned"})')
    before = [await prometheus.value(expr) for expr in figures]
    console.print("the worker is asked to end …")
    worker.stop()
    await _told(watched, outcome, ("urgent", "OffbeatNoWorker", "firing"))
    try:
        await _eventually(lambda: _inhibited(watched, "OffbeatWorkerDown"), "an inhibited alert")
    except TimeoutError as error:
        outcome.expect(fine=False, fault=str(error))
    known = {alert["labels"]["alertname"] for alert in await watched.alertmanager.alerts()}
    outcome.figures["alertmanager_received"] = len(known)
    console.print(f"Alertmanager knows {', '.join(sorted(known))}; the worker is started again …")
    worker.start()
    await _told(watched, outcome, ("urgent", "OffbeatNoWorker", "resolved"))
    for expr, value in zip(figures, before, strict=True):
        try:
            await _eventually(partial(_is, prometheus, expr, value), f"{expr} = {value}")
        except TimeoutError as error:
            outcome.expect(fine=False, fault=f"after the restart: {error}")
    restored = await prometheus.value("offbeat_restored_records_total")
    outcome.expect(restored > 0 and before[0] > 0, "nothing was recovered")


async def _told(watched: Watched, outcome: Outcome, expected: tuple[str, str, str]) -> None:
    """Whoever is called is told this, in time."""

    async def heard() -> bool:
        return expected in watched.told

    who, alert, status = expected
    begun = time.monotonic()
    try:
        await _eventually(heard, f"{alert} {status} at {who}")
    except TimeoutError as error:
        outcome.expect(fine=False, fault=str(error))
    else:
        seconds = time.monotonic() - begun
        console.print(f"… {who} was told that {alert} is {status}, after {seconds:.0f} s")


async def _some(prometheus: Prometheus, expr: str) -> bool:
    return await prometheus.value(expr) > 0


async def _is(prometheus: Prometheus, expr: str, value: float) -> bool:
    return await prometheus.value(expr) == value


async def _inhibited(watched: Watched, name: str) -> bool:
    return any(
        alert["labels"]["alertname"] == name and alert["status"]["inhibitedBy"]
        for alert in await watched.alertmanager.alerts()
    )


async def _eventually(check: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return when it is so.

    Raises:
        TimeoutError: not in time; says what was waited for.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while not await check():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come within {PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(0.3)
