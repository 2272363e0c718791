"""Who is at risk: found, filtered, sorted and paged from the rows themselves."""

from itertools import chain

import pytest

from detectors.customer import Cause, Episode, Segment
from detectors.judgement.episodes import Severity
from streams.console import dossier, roll
from streams.console.pipeline import partition_of, pipeline
from streams.console.roll import Order, Roll, Wanted
from streams.partition.life import PartitionLife
from streams.partition.seen import Seen
from streams.settings import Settings
from streams.settings_groups import Topics
from streams.sources.kafka import partition_of as placed
from tests.functional.consoles import life_of, looking, shop
from tests.functional.fetching import purchase

QUIET = {"small": 5.0, "large": 500.0, "middle": 50.0}


@pytest.fixture(scope="module")
def life() -> PartitionLife:
    return life_of(shop(QUIET))


def over(*lives: PartitionLife) -> Roll:
    seen = looking(*lives)
    return Roll(lambda: seen)


async def listed(life: PartitionLife, **wanted: object) -> list[str]:
    page = await over(life).page(Wanted(**wanted))  # type: ignore[arg-type] # any of its fields
    return [row.customer_id for row in page.rows]


async def test_the_most_at_stake_come_first_and_who_is_well_is_not_there(
    life: PartitionLife,
) -> None:
    page = await over(life).page(Wanted())
    assert [row.customer_id for row in page.rows] == ["large", "middle", "small"]
    values = [row.said.value_at_risk for row in page.rows]
    assert values == sorted(values, reverse=True)
    assert (page.at_risk, page.matching, page.customers, page.pages) == (3, 3, 5, 1)
    assert page.currencies == ("EUR",)


async def test_each_row_is_explained_as_the_customer_s_own_page_does(life: PartitionLife) -> None:
    page = await over(life).page(Wanted())
    for row in page.rows:
        found = dossier.find([life], row.customer_id)
        assert found is not None
        assert dossier.dossier(Settings(), *found).said == row.said


async def test_filters_leave_those_that_they_name(life: PartitionLife) -> None:
    assert await listed(life, cause=Cause.PURCHASE_SILENCE) == ["large", "middle", "small"]
    assert await listed(life, cause=Cause.COMPLAINTS) == []
    for field, words in (("segment", Segment), ("severity", Severity)):
        found = [await listed(life, **{field: word}) for word in words]
        assert sorted(chain.from_iterable(found)) == sorted(QUIET)
        for names, word in zip(found, words, strict=True):
            rows = [life.state.rows[life.state.find(name.encode())] for name in names]
            assert all(int(row[field]) == word for row in rows)


async def test_the_other_orders_are_by_severity_and_by_opening(life: PartitionLife) -> None:
    for order, field in ((Order.SEVERITY, "severity"), (Order.NEWEST, "opened_at")):
        names = await listed(life, order=order)
        rows = [life.state.rows[life.state.find(name.encode())] for name in names]
        values = [float(row[field]) for row in rows]
        assert values == sorted(values, reverse=True)


async def test_who_is_held_back_is_shown_only_when_asked_for() -> None:
    settings = Settings.model_validate(
        {"policy": {"win_back_price": 1e6, "win_back_currency": "EUR"}}
    )
    life = life_of(shop(QUIET), settings=settings)
    page = await over(life).page(Wanted())
    assert (page.rows, page.at_risk, page.held_back) == ([], 0, 3)
    assert len(await listed(life, held_back=True)) == 3


async def test_pages_are_bounded_and_together_they_have_everybody_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roll, "CHUNK", 7)  # so that several looks make one list
    quiet = {f"c-{i:03}": 10.0 + i % 7 for i in range(120)}
    one, other = dict(list(quiet.items())[:70]), dict(list(quiet.items())[70:])
    both = over(life_of(shop(one)), life_of(shop(other), number=1))
    pages = [await both.page(Wanted(page=number)) for number in (1, 2, 3)]
    assert [len(page.rows) for page in pages] == [50, 50, 20]
    names = [row.customer_id for page in pages for row in page.rows]
    assert sorted(names) == sorted(quiet)
    assert {row.partition for page in pages for row in page.rows} == {0, 1}
    values = [row.said.value_at_risk for page in pages for row in page.rows]
    assert values == sorted(values, reverse=True)
    beyond = await both.page(Wanted(page=99))
    assert [row.customer_id for row in beyond.rows] == names[100:]


async def test_who_has_come_back_since_the_last_look_is_left_out() -> None:
    life = life_of(shop(QUIET))
    seen = looking(life)
    roll_ = Roll(lambda: seen, clock=lambda: 0.0)  # what was found stays fresh
    assert len((await roll_.page(Wanted())).rows) == 3
    life.state.rows["episode"][life.state.find(b"large")] = Episode.NONE
    assert [row.customer_id for row in (await roll_.page(Wanted())).rows] == ["middle", "small"]


async def test_a_partition_that_recovers_is_not_shown(life: PartitionLife) -> None:
    recovering = life_of(shop({"other": 1.0}), number=1)
    recovering.recovering = True
    assert (await over(life, recovering).page(Wanted())).customers == 5


async def test_the_version_changes_with_what_is_decided() -> None:
    life = life_of(shop(QUIET, days=28))
    before = over(life).version()
    assert over(life).version() == before
    life.state.population["decisions"][0, 1] += 1
    assert over(life).version() != before


async def test_a_search_finds_parts_of_ids_and_never_across_two() -> None:
    purchases = [purchase(name, 0, day) for day, name in enumerate(("ab", "cd", "abcd", "xabx"))]
    found = over(life_of(purchases))
    assert [one.customer_id for one in await found.search("ab")] == ["ab", "abcd", "xabx"]
    assert [one.customer_id for one in await found.search("bc")] == ["abcd"]
    assert [one.customer_id for one in await found.search("abcd")] == ["abcd"]
    assert await found.search("dx") == []
    assert await found.search("ABCD") == []


async def test_a_search_finds_whoever_is_asked_for_exactly_first_and_never_more_than_it_shows() -> (
    None
):
    purchases = [purchase(f"c{i}", 0, i / 100) for i in range(120)]
    found = await over(life_of(purchases)).search("c119")
    assert [one.customer_id for one in found] == ["c119"]
    everybody = await over(life_of(purchases)).search("c")
    assert len(everybody) == roll.FOUND_ROWS


def test_the_pipeline_says_how_far_each_partition_is(life: PartitionLife) -> None:
    settings = Settings(topics=Topics(partitions=4))
    members = {"http://a": [1, 0], "http://b": [2, 3]}
    seen: list[Seen] = looking(life, lag=3)
    state = pipeline(settings, seen, members, "http://a", life.timeline.watermark + 60.0)
    (one,) = state.partitions
    assert (one.customers, one.lag, one.behind_seconds, one.recovering) == (5, 12, 60.0, False)
    assert state.lag == dict.fromkeys(settings.topics.inputs, 3)
    assert [(m.pages, m.partitions, m.is_this) for m in state.others] == [
        ("http://a", (0, 1), True),
        ("http://b", (2, 3), False),
    ]


def test_where_a_customer_belongs_is_known_where_keys_are_placed_as_kafka_does() -> None:
    settings = Settings(topics=Topics(partitions=7))
    for name in ("c-81", "größe", "x"):
        assert partition_of(settings, name) == placed(name.encode(), 7)
    anyhow = Settings(topics=Topics(partitions=7, partitioner="any"))
    assert partition_of(anyhow, "c-81") is None
