"""Looking changes nothing: whatever the pages show, the state is as it was."""

from itertools import pairwise

import numpy as np
import orjson
import pytest

from detectors.customer import Episode
from detectors.judgement.rhythm import rhythm_of
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from detectors.observations import Input
from streams.console.dossier import dossier
from streams.console.pipeline import pipeline
from streams.console.roll import Roll, Wanted
from streams.partition.life import PartitionLife
from streams.settings import Settings
from streams.sources.lines import Naming, encode
from tests.functional.consoles import life_of, looking, shop

SETTINGS = Settings()


@pytest.fixture(scope="module")
def life() -> PartitionLife:
    """Customers of every kind, in every standing."""
    events = np.concatenate(list(Simulation(Scenario(customers=80, days=300, seed=7)).events()))
    lines = {line.source: line.values for line in encode(events, Naming())}
    read = {source: [orjson.loads(value) for value in lines[source]] for source in lines}
    return life_of(read[Input.PURCHASES], read[Input.VISITS])


def everything(life: PartitionLife) -> tuple[bytes, ...]:
    state = life.state
    arrays = (state.rows, state.dirty, state.earliest, state.ids, state.id_ends)
    parts = [array[: state.size].tobytes() for array in arrays]
    counted = (state.population.tobytes(), state.parameters.tobytes())
    return (*parts, *counted, repr((state.size, life.timeline.watermark)).encode())


async def test_no_page_changes_a_byte_of_the_state(life: PartitionLife) -> None:
    before = everything(life)
    seen = looking(life)
    roll = Roll(lambda: seen)
    await roll.page(Wanted())
    await roll.search("c-0000")
    pipeline(SETTINGS, seen, {}, "", life.timeline.watermark)
    for row in range(life.state.size):
        dossier(SETTINGS, life, row)
    assert everything(life) == before


def test_the_curve_falls_from_everybody_to_ever_fewer(life: PartitionLife) -> None:
    for row in range(life.state.size):
        customer = life.state.rows[row]
        rhythm = rhythm_of(customer, life.timeline.watermark, life.state.profile_in_effect)
        assert rhythm is not None
        chances = [chance for _, chance in rhythm.curve]
        assert chances[0] == 1.0
        assert all(b <= a for a, b in pairwise(chances))
        assert rhythm.curve[-1][0] >= rhythm.silence_days
        assert 0.0 <= rhythm.survival <= 1.0


def test_the_deadline_that_is_drawn_is_the_one_that_is_kept(life: PartitionLife) -> None:
    kept = 0
    for row in range(life.state.size):
        customer, now = life.state.rows[row], life.timeline.watermark
        rhythm = rhythm_of(customer, now, life.state.profile_in_effect)
        quiet = int(customer["episode"]) == Episode.NONE and int(customer["causes"]) == 0
        if rhythm is not None and quiet and not rhythm.by_visits:
            deadline = rhythm.deadline or np.inf
            assert deadline == pytest.approx(float(customer["purchase_deadline"]), abs=1.0)
            kept += 1
    assert kept > 20


def test_a_deadline_that_has_passed_is_drawn_where_the_episode_opened() -> None:
    life = life_of(shop({"gone": 40.0, "away": 9.0}))
    for name in (b"gone", b"away"):
        customer = life.state.rows[life.state.find(name)]
        rhythm = rhythm_of(customer, life.timeline.watermark, life.state.profile)
        assert rhythm is not None
        assert int(customer["episode"]) == Episode.OPEN
        assert rhythm.deadline == pytest.approx(float(customer["opened_at"]), abs=1.0)
