"""What a run left in its topics, and how that differs from the undisturbed run."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from benchmarks.harness import read_all
from schemas.changelog import PARTITION_KEY, decode_partition
from schemas.dead_letters import OFFSET, REASON
from schemas.topics import OutputTopics, dead_letter_topic
from streams.settings import Settings

Content = tuple[int, bytes]  # of an alert: its sequence, and all of it


@dataclass(slots=True)
class Outcome:
    """Topics are named without the run's own prefix, so that runs can be compared."""

    # by alert id, in the log's order
    alerts: dict[str, list[Content]] = field(default_factory=lambda: defaultdict(list))
    # what a reader of uncommitted data sees
    uncommitted: set[tuple[str, int]] = field(default_factory=set)
    # newest record of each key of the compacted topics: who is at risk, and the rows of the state
    latest: dict[tuple[str, int, bytes], bytes] = field(default_factory=dict)
    partitions: dict[int, dict[str, Any]] = field(default_factory=dict)
    examples: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    letters: Counter[tuple[str, int, bytes, str]] = field(default_factory=Counter)

    @property
    def events(self) -> dict[int, int]:
        """How many events each partition counted, its dead letters included."""
        counted: Counter[int] = Counter()
        for number, record in self.partitions.items():
            population = record["population"]
            counted[number] += int(_sum(population["applied"]) + _sum(population["duplicates"]))
        for (_, number, _, _), n in self.letters.items():
            counted[number] += n
        return dict(counted)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Differences from the undisturbed run; all are 0 when a run was as it should be."""

    lost: int  # events that were not counted, and alerts, examples, dead letters that are missing
    twice: int  # the same that are there, or counted, more than once
    wrong_ids: int  # alerts that the undisturbed run does not have; uncommitted ones too
    false_silences: int  # of these, openings over a silence
    state_differs: int  # keys of the state and of at-risk whose newest record is another

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not any(
            (self.lost, self.twice, self.wrong_ids, self.false_silences, self.state_differs)
        )


async def read(settings: Settings) -> Outcome:
    """Everything that the run has written by now."""
    prefix = settings.topics.prefix
    outputs = OutputTopics(prefix)
    letters = [dead_letter_topic(name) for name in settings.topics.inputs]
    found = Outcome()
    for record in await read_all(
        settings,
        outputs.alerts,
        outputs.at_risk,
        outputs.examples,
        outputs.state_changelog,
        *letters,
    ):
        _take(found, record, prefix, outputs)
    for record in await read_all(settings, outputs.alerts, isolation="read_uncommitted"):
        alert = orjson.loads(record.value)
        found.uncommitted.add((alert["alert_id"], alert["sequence"]))
    return found


def _take(
    found: Outcome, record: ConsumerRecord[bytes, bytes], prefix: str, outputs: OutputTopics
) -> None:
    role = record.topic.removeprefix(f"{prefix}.")
    if record.topic == outputs.alerts:
        alert = orjson.loads(record.value)
        found.alerts[alert["alert_id"]].append((alert["sequence"], record.value))
    elif record.topic == outputs.examples:
        found.examples[record.key, record.value] += 1
    elif record.topic == outputs.state_changelog and record.key == PARTITION_KEY:
        found.partitions[record.partition] = _without_names(record.value, prefix)
    elif record.topic in (outputs.at_risk, outputs.state_changelog):
        place = role, record.partition, record.key
        if record.value is None:
            found.latest.pop(place, None)
        else:
            found.latest[place] = record.value
    else:
        headers = dict(record.headers)
        offset = headers[OFFSET]
        found.letters[role, record.partition, offset, headers[REASON].decode()] += 1


def _without_names(value: bytes, prefix: str) -> dict[str, Any]:
    record = decode_partition(value)
    return {
        "positions": {k.removeprefix(f"{prefix}."): v for k, v in record.positions.items()},
        "released": {k.removeprefix(f"{prefix}."): v for k, v in record.released.items()},
        "watermark": record.watermark,
        "customers": record.customers,
        "digest": record.digest,
        "population": record.population,
    }


def compare(truth: Outcome, found: Outcome) -> Verdict:
    """How `found` differs."""
    expected, actual = (
        Counter((i, *content) for i, all_ in outcome.alerts.items() for content in all_)
        for outcome in (truth, found)
    )
    strange = [alert for alert in actual if alert not in expected]
    known = {(i, sequence) for i, sequence, _ in expected}
    counted, counted_now = truth.events, found.events
    gaps = [counted_now.get(n, 0) - counted[n] for n in counted]
    pairs: list[tuple[Counter[Any], Counter[Any]]] = [
        (expected, actual),
        (truth.examples, found.examples),
        (truth.letters, found.letters),
    ]
    missing = sum((wanted - there).total() for wanted, there in pairs)
    doubled = sum((there - wanted).total() for wanted, there in pairs) - len(strange)
    return Verdict(
        lost=missing + sum(max(-gap, 0) for gap in gaps),
        twice=doubled + sum(max(gap, 0) for gap in gaps),
        wrong_ids=len(strange) + _disordered(truth, found) + len(found.uncommitted - known),
        false_silences=sum(_opens_over_silence(value) for _, _, value in strange),
        state_differs=_differing(truth.latest, found.latest)
        + _differing(truth.partitions, found.partitions),
    )


def _disordered(truth: Outcome, found: Outcome) -> int:
    """Alerts whose records are the right ones in another order."""
    return sum(
        sorted(found.alerts[i]) == sorted(contents) and found.alerts[i] != contents
        for i, contents in truth.alerts.items()
        if i in found.alerts
    )


def _opens_over_silence(value: bytes) -> bool:
    alert = orjson.loads(value)
    codes = {reason["code"] for reason in alert["reasons"]}
    return alert["status"] == "opened" and "purchase_silence" in codes


def _differing(one: dict[Any, Any], other: dict[Any, Any]) -> int:
    return sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())


def _sum(value: float | list[float]) -> float:
    return sum(value) if isinstance(value, list) else value
