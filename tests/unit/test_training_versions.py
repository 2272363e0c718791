"""Which version of the model scores at which event time, and which records are none."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from detectors.learning.model import ChurnModel
from schemas import model
from streams.training.feed import Versions
from streams.training.weights import record_fields

DAY = 86400.0
NAMES = ("silence", "tenure", "spend")


def version(day: int, *, ready: bool = True, names: tuple[str, ...] = NAMES) -> bytes:
    taught = ChurnModel(names)
    for i in range(30):
        taught.learn({name: float((i * 7 + len(name)) % 11) for name in names}, i % 2, 0.0)
    record = model.Model(
        version=f"day-{day}",
        parent=None,
        effective_from=datetime.fromtimestamp(day * DAY, UTC),
        ready=ready,
        next_offset=30,
        labelled_until=datetime.fromtimestamp((day - 1.5) * DAY, UTC),
        **record_fields(taught.to_weights()),
    )
    return msgspec.json.encode(record)


def at(versions: Versions, day: float) -> str | None:
    return versions.at(day * DAY).version


def test_the_version_in_effect_is_the_newest_that_had_begun() -> None:
    versions = Versions(NAMES)
    assert at(versions, 10) is None
    for day in (10, 11, 14):
        versions.put(version(day))
    assert [at(versions, day) for day in (9.9, 10, 10.9, 11, 13.9, 14, 99)] == [
        None, "day-10", "day-10", "day-11", "day-11", "day-14", "day-14",
    ]  # fmt: skip


def test_a_newer_record_for_the_same_moment_replaces_the_older() -> None:
    versions = Versions(NAMES)
    versions.put(version(10))
    versions.put(version(10).replace(b'"day-10"', b'"day-10b"'))
    assert at(versions, 10) == "day-10b"
    assert versions.newest is not None
    assert versions.newest.version == "day-10b"


def test_as_many_versions_are_kept_as_compaction_keeps() -> None:
    versions = Versions(NAMES)
    for day in range(100):
        versions.put(version(day))
    assert at(versions, 99 - model.VERSIONS) is None
    assert at(versions, 100 - model.VERSIONS) == f"day-{100 - model.VERSIONS}"
    assert len({model.key(day) for day in range(100)}) == model.VERSIONS


def test_a_version_that_is_not_ready_or_has_other_features_leaves_the_static_score() -> None:
    versions = Versions(NAMES)
    versions.put(version(10))
    versions.put(version(11, ready=False))
    versions.put(version(12, names=("silence", "tenure", "other")))
    assert [at(versions, day) for day in (10, 11, 12)] == ["day-10", None, None]


def test_a_version_scores_features_in_the_workers_order() -> None:
    versions, mirrored = Versions(NAMES), Versions(NAMES[::-1])
    versions.put(version(10))
    mirrored.put(version(10))
    x = np.array([0.5, -1.0, 2.0], np.float32)
    one = versions.at(10 * DAY).score(x, 0.0)
    two = mirrored.at(10 * DAY).score(x[::-1], 0.0)
    assert one.contributions == two.contributions
    assert one.logit == two.logit


def test_a_record_that_is_no_version_is_refused_and_the_others_stay() -> None:
    versions = Versions(NAMES)
    versions.put(version(10))
    for bad in (b"junk", b"{}", version(11).replace(b'"churned":', b'"churned":9')):
        with pytest.raises(ValueError, match=r"."):
            versions.put(bad)
    assert at(versions, 12) == "day-10"
