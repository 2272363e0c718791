"""Order out of four inputs: what is released, when, and that splitting changes nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.observations import OBSERVATION, Batch, Input
from detectors.timeline import Timeline

NO_IDS = np.empty(0, np.uint8)


def read(
    times: list[float], first_offset: int = 0
) -> tuple[NDArray[np.void], NDArray[np.uint8], NDArray[np.int64]]:
    observations = np.zeros(len(times), OBSERVATION)
    observations["event_time"] = times
    offsets = np.arange(first_offset, first_offset + len(times))
    return observations, NO_IDS, offsets


def times(batch: Batch | None) -> list[float]:
    return [] if batch is None else batch.observations["effective_time"].tolist()


def test_the_slowest_input_holds_the_partition() -> None:
    line = Timeline()
    line.add(Input.PURCHASES, *read([1.0, 2.0, 9.0]))
    assert line.release() is None
    for source, at in ((Input.VISITS, 5.0), (Input.PAYMENTS, 7.0), (Input.SUPPORT, 6.0)):
        line.add(source, *read([at]))
    assert times(line.release()) == [1.0, 2.0]
    assert line.watermark == 5.0
    assert line.first_waiting(Input.PURCHASES) == 2


def test_a_late_event_counts_from_now_on_and_keeps_the_logs_order() -> None:
    line = Timeline()
    line.add(Input.PURCHASES, *read([10.0, 3.0, 11.0]))
    for source in (Input.VISITS, Input.PAYMENTS, Input.SUPPORT):
        line.step_aside(source)
    line.add(Input.PURCHASES, *read([99.0], 3))
    assert times(line.release()) == [10.0, 10.0, 11.0]


def test_at_the_watermark_itself_another_input_may_still_speak() -> None:
    line = Timeline()
    for source in Input:
        line.add(source, *read([5.0]))
    assert line.release() is None
    assert line.watermark == 5.0


def test_when_all_stand_aside_everything_read_is_released() -> None:
    line = Timeline()
    line.add(Input.VISITS, *read([4.0]))
    for source in Input:
        line.step_aside(source)
    assert times(line.release()) == [4.0]
    assert line.watermark > 4.0


def test_an_input_that_comes_back_cannot_speak_before_the_watermark() -> None:
    line = Timeline()
    line.add(Input.PURCHASES, *read([100.0]))
    for source in Input:
        line.step_aside(source)
    line.release()
    line.add(Input.VISITS, *read([50.0]))
    line.step_aside(Input.VISITS)
    (time,) = times(line.release())
    assert time > 100.0


def test_a_wall_clock_moves_only_inputs_that_follow_it() -> None:
    line = Timeline()
    line.add(Input.PURCHASES, *read([10.0]))
    for source in (Input.VISITS, Input.PAYMENTS, Input.SUPPORT):
        line.follow(source, 1000.0)
    assert line.release() is None
    line.follow(Input.PURCHASES, 1000.0)
    assert times(line.release()) == [10.0]
    line.follow(Input.PURCHASES, 900.0)
    assert line.watermark == 1000.0


def test_a_watermark_never_goes_back() -> None:
    line = Timeline()
    for source in (Input.VISITS, Input.PAYMENTS, Input.SUPPORT):
        line.step_aside(source)
    line.follow(Input.PURCHASES, 1000.0)
    line.follow(Input.PURCHASES, 900.0)  # the clock of a machine was set back
    assert line.watermarks[Input.PURCHASES] == 1000.0
    assert line.add(Input.PURCHASES, *read([950.0])) == 1
    assert line.watermarks[Input.PURCHASES] == 1000.0
    line.follow(Input.PURCHASES, 1001.0)
    assert times(line.release()) == [1000.0]


def test_going_on_from_what_was_released_gives_waiting_events_the_same_times() -> None:
    line = Timeline()
    line.add(Input.PURCHASES, *read([1.0, 8.0, 6.0, 9.0]))
    for source in (Input.VISITS, Input.PAYMENTS, Input.SUPPORT):
        line.add(source, *read([2.0]))
    assert times(line.release()) == [1.0]
    again = Timeline(line.watermark, line.released)
    again.add(Input.PURCHASES, *read([8.0, 6.0, 9.0], 1))
    for timeline in (line, again):
        for source in Input:
            timeline.follow(source, 100.0)
    assert times(again.release()) == [8.0, 8.0, 9.0]


event_lists = st.lists(st.integers(0, 50).map(float), max_size=12)


@given(st.tuples(*[event_lists] * 4), st.randoms(use_true_random=False))
def test_batch_boundaries_and_interleaving_do_not_change_the_sequence(
    logs: tuple[list[float], ...], random: object
) -> None:
    whole, split = Timeline(), Timeline()
    for source, log in zip(Input, logs, strict=True):
        whole.add(source, *read(log))
    released: list[tuple[float, int]] = []
    todo = {source: list(log) for source, log in zip(Input, logs, strict=True)}
    while any(todo.values()):
        source = random.choice([s for s in Input if todo[s]])  # type: ignore[attr-defined]  # stub of st.randoms
        n = random.randint(1, len(todo[source]))  # type: ignore[attr-defined]  # as above
        part, todo[source] = todo[source][:n], todo[source][n:]
        observations, ids, offsets = read(part)
        observations["input"] = source
        split.add(source, observations, ids, offsets)
        released += order(split.release())
    for timeline in (whole, split):
        for source in Input:
            timeline.follow(source, 1e9)
    released += order(split.release())
    expected = sorted(
        (
            (time, int(source))
            for source, log in zip(Input, logs, strict=True)
            for time in running(log)
        ),
    )
    assert released == expected
    assert times(whole.release()) == [time for time, _ in expected]


def order(batch: Batch | None) -> list[tuple[float, int]]:
    if batch is None:
        return []
    observations = batch.observations
    return list(
        zip(observations["effective_time"].tolist(), observations["input"].tolist(), strict=True)
    )


def running(log: list[float]) -> list[float]:
    return np.maximum.accumulate(log).tolist() if log else []
