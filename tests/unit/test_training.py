"""The trainer without Kafka: positions, what is skipped, and what is published."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from schemas import examples, model
from streams.errors import GapError, StateError
from streams.training.trainer import Checkpoint, Committed, Trainer, Training

DAY = 86400.0
START = 20_000 * DAY
NAMES = ("silence", "tenure", "spend")
TRAINING = Training(NAMES, min_labels=100, publish_labels=50)
NOTHING = Committed(record=None, next_offset=None, log_start=0)


def example(i: int, *, names: tuple[str, ...] = NAMES) -> bytes:
    """The i-th label, an hour of event time after the one before."""
    rng = np.random.default_rng(i)
    features = dict(zip(names, rng.normal(size=len(names)).tolist(), strict=True))
    times = (START + i * 3600 - 60 * DAY, START + i * 3600)
    outcome = int(rng.random() < 1 / (1 + math.exp(-2 * features[names[0]])))
    return examples.encode(times, 1 if outcome else 0, features, 0.3)


def labels(first: int, after: int) -> list[bytes]:
    return [example(i) for i in range(first, after)]


def taught(committed: Committed, first: int, after: int, training: Training = TRAINING) -> Trainer:
    trainer = Trainer(training, committed)
    trainer.take(labels(first, after), first, after)
    return trainer


def written(trainer: Trainer) -> Checkpoint:
    checkpoint = trainer.checkpoint()
    assert checkpoint is not None
    return checkpoint


def after_crash(checkpoint: Checkpoint) -> Committed:
    return Committed(checkpoint.value, checkpoint.next_offset, log_start=0)


def test_a_trainer_that_crashed_continues_as_if_nothing_had_happened() -> None:
    whole = taught(NOTHING, 0, 400)
    first = taught(NOTHING, 0, 150)
    checkpoint = written(first)
    first.take(labels(150, 222), 150, 222)  # lost with the process
    second = Trainer(TRAINING, after_crash(checkpoint))
    assert second.next_offset == 150
    second.take(labels(150, 400), 150, 400)
    assert second.model.to_weights() == whole.model.to_weights()


def test_what_was_learnt_is_dropped_when_it_is_fetched_again() -> None:
    trainer = taught(NOTHING, 0, 100)
    weights = trainer.model.to_weights()
    assert trainer.take(labels(0, 100), 0, 100).learnt == 0
    assert trainer.take(labels(40, 60), 40, 60).learnt == 0
    assert trainer.model.to_weights() == weights


@pytest.mark.parametrize(("first", "after"), [(101, 120), (90, 120)])
def test_a_batch_that_does_not_begin_at_the_position_ends_the_trainer(
    first: int, after: int
) -> None:
    trainer = taught(NOTHING, 0, 100)
    with pytest.raises(GapError, match="100 was expected"):
        trainer.take(labels(first, after), first, after)


def test_positions_may_be_wider_than_the_examples_in_them() -> None:
    trainer = Trainer(TRAINING, NOTHING)
    assert trainer.take(labels(0, 3), 0, 7).learnt == 3
    assert trainer.take([], 7, 9).learnt == 0
    assert trainer.next_offset == 9


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"not json", "malformed"),
        (b'{"schema":"offbeat.example.v2"}', "Invalid enum value"),
        (example(1).replace(b'"static_logit":0.3', b'"static_logit":null'), "got `null`"),
        (example(1, names=("silence", "tenure", "other")), "missing spend, unknown other"),
        (example(1).replace(b'"static_logit":0.3', b'"static_logit":1e999'), "static_logit"),
    ],
)
def test_one_bad_example_is_counted_and_does_not_cost_the_good_ones(
    bad: bytes, reason: str
) -> None:
    trainer = Trainer(TRAINING, NOTHING)
    taken = trainer.take([example(0), bad, bad, example(2)], 0, 4)
    assert (taken.learnt, trainer.model.labels, trainer.next_offset) == (2, 2, 4)
    ((message, count),) = taken.skipped.items()
    assert reason in message
    assert count == 2


def test_a_checkpoint_is_due_after_enough_labels_and_given_only_with_news() -> None:
    trainer = Trainer(TRAINING, NOTHING)
    assert trainer.checkpoint() is None
    trainer.take([b"junk"], 0, 1)
    assert trainer.checkpoint() is None
    due = []
    for first, after in ((1, 40), (40, 60)):
        trainer.take(labels(first, after), first, after)
        due.append(trainer.due)
    assert written(trainer).next_offset == 60
    assert [*due, trainer.due] == [False, True, False]
    assert trainer.checkpoint() is None
    trainer.take([], 60, 61)  # a control record of somebody's transaction
    assert trainer.checkpoint() is None
    trainer.take([b"junk"], 61, 62)
    assert written(trainer).next_offset == 62


def test_a_version_names_its_parent_and_is_named_by_its_content() -> None:
    trainer = taught(NOTHING, 0, 60)
    one = model.decode(written(trainer).value)
    trainer.take(labels(60, 120), 60, 120)
    two = model.decode(written(trainer).value)
    assert (one.parent, two.parent) == (None, one.version)
    assert one.version == model.digest(one) != two.version
    again = model.decode(written(taught(NOTHING, 0, 60)).value)
    assert again == one


def test_the_record_says_what_the_model_knows() -> None:
    trainer = taught(NOTHING, 0, 120)
    record = json.loads(written(trainer).value)
    weights = trainer.model.to_weights()
    assert record["schema"] == "offbeat.model.v1"
    assert record["labels"] == 120
    assert record["ready"] is True
    assert [f["name"] for f in record["features"]] == list(NAMES)
    assert record["features"][0]["weight"] == weights.features[0].weight
    assert record["log_loss"] == weights.log_loss
    assert record["labelled_until"] == "2024-10-08T23:00:00Z"
    assert record["effective_from"] == "2024-10-10T00:00:00Z"


def test_a_version_takes_effect_at_the_second_grid_point_after_its_last_label() -> None:
    for after in range(1, 60):
        checkpoint = written(taught(NOTHING, 0, after))
        record = model.decode(checkpoint.value)
        ahead = record.effective_from.timestamp() - (START + (after - 1) * 3600)
        assert DAY < ahead <= 2 * DAY
        assert record.effective_from.timestamp() % DAY == 0
        assert checkpoint.key == model.key(round(record.effective_from.timestamp() / DAY))


def test_a_label_out_of_order_does_not_bring_the_effect_forward() -> None:
    trainer = Trainer(TRAINING, NOTHING)
    trainer.take([example(100), example(3)], 0, 2)
    record = model.decode(written(trainer).value)
    assert record.labelled_until.timestamp() == START + 100 * 3600


def test_other_features_begin_again_at_the_same_position_and_say_so() -> None:
    checkpoint = written(taught(NOTHING, 0, 150))
    changed = replace(TRAINING, features=("silence", "tenure", "other"))
    trainer = Trainer(changed, after_crash(checkpoint))
    assert trainer.restarted == "features changed: gone spend, new other"
    assert (trainer.next_offset, trainer.model.labels) == (150, 0)
    assert sum(trainer.take(labels(150, 152), 150, 152).skipped.values()) == 2
    trainer.take([example(152, names=changed.features)], 152, 153)
    record = model.decode(written(trainer).value)
    assert record.parent == model.decode(checkpoint.value).version
    assert not record.ready
    assert Trainer(TRAINING, after_crash(checkpoint)).restarted is None


def test_a_position_that_is_not_the_records_is_refused() -> None:
    committed = after_crash(written(taught(NOTHING, 0, 150)))
    with pytest.raises(StateError, match="learnt up to 150, and 149 is committed"):
        Trainer(TRAINING, replace(committed, next_offset=149))
    with pytest.raises(StateError, match="there is no model"):
        Trainer(TRAINING, replace(committed, record=None))


def test_the_record_knows_its_position_when_the_broker_has_forgotten_it() -> None:
    committed = after_crash(written(taught(NOTHING, 0, 150)))
    assert Trainer(TRAINING, replace(committed, next_offset=None)).next_offset == 150


def test_examples_that_the_log_has_dropped_are_counted_and_passed_over() -> None:
    committed = after_crash(written(taught(NOTHING, 0, 150)))
    trainer = Trainer(TRAINING, replace(committed, log_start=170))
    assert (trainer.lost, trainer.next_offset) == (20, 170)
    assert trainer.take(labels(170, 172), 170, 172).learnt == 2
    first_ever = Trainer(TRAINING, replace(NOTHING, log_start=170))
    assert (first_ever.lost, first_ever.next_offset) == (0, 170)


@pytest.mark.parametrize("change", [{"churned": 999}, {"labels": -1}, {"features": []}])
def test_a_record_that_cannot_be_read_stops_the_trainer_and_says_what_to_do(
    change: dict[str, object],
) -> None:
    record = json.loads(written(taught(NOTHING, 0, 60)).value) | change
    with pytest.raises(StateError, match=r"not readable: .*delete the topic's records"):
        Trainer(TRAINING, Committed(json.dumps(record).encode(), 60, 0))


def test_fields_that_a_later_version_added_are_read_over() -> None:
    checkpoint = written(taught(NOTHING, 0, 60))
    record = json.loads(checkpoint.value) | {"added": 1}
    later = Committed(json.dumps(record).encode(), 60, 0)
    assert Trainer(TRAINING, later).model.labels == 60


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"features": ()}, "features"),
        ({"min_labels": 0}, "min_labels is 0"),
        ({"publish_labels": 0}, "publish_labels is 0"),
        ({"grid_seconds": 0.0}, "grid_seconds is 0.0"),
        ({"grid_seconds": math.inf}, "grid_seconds is inf"),
        ({"refit_days": -1.0}, "refit_days is -1.0"),
    ],
)
def test_training_refuses_what_it_cannot_do(change: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(TRAINING, **change)  # type: ignore[arg-type]  # wrong on purpose
