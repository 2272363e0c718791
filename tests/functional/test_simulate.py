"""`offbeat simulate`, as people call it."""

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from typer.testing import CliRunner, Result

from streams.cli import app
from streams.sources.kafka import partition_of

INPUTS = ("purchases", "visits", "payments", "support")


def offbeat(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments])


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_seed_writes_the_same_files_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        result = offbeat(
            "--customers", "60", "--days", "90", "--seed", seed, "--out", str(tmp_path / name)
        )
        assert result.exit_code == 0, result.output
    assert read(tmp_path / "a") == read(tmp_path / "b")
    assert read(tmp_path / "a") != read(tmp_path / "c")


def test_there_is_a_file_a_topic_in_event_time_order_and_the_truth_beside_it(
    tmp_path: Path,
) -> None:
    offbeat("--customers", "200", "--days", "200", "--drifting", "0.35", "--out", str(tmp_path))
    assert set(read(tmp_path)) == {*(f"{name}.jsonl" for name in INPUTS), "truth.jsonl"}
    for name in INPUTS:
        times = [json.loads(line)["event_time"] for line in (tmp_path / f"{name}.jsonl").open()]
        assert len(times) > 20
        assert times == sorted(times)
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").open()]
    assert len(truth) == 70
    assert Counter(row["kind"] for row in truth)["abrupt_stop"] == 10
    assert set(truth[0]) == {"customer_id", "kind", "onset", "left"}


def test_a_customer_named_silent_is_silent_from_three_fifths_on(tmp_path: Path) -> None:
    offbeat(
        *("--customers", "20", "--days", "100", "--start", "2025-01-01"),
        *("--drifting", "0", "--silent", "c-000007", "--out", str(tmp_path)),
    )
    (truth,) = map(json.loads, (tmp_path / "truth.jsonl").open())
    assert (truth["customer_id"], truth["onset"]) == ("c-000007", "2025-03-02T00:00:00Z")
    lines = [json.loads(line) for name in INPUTS for line in (tmp_path / f"{name}.jsonl").open()]
    seen = [line["event_time"] for line in lines if line["customer_id"] == "c-000007"]
    assert seen
    assert max(seen) < "2025-03-02"


def test_a_rate_is_kept(tmp_path: Path) -> None:
    started = time.monotonic()
    result = offbeat(
        *("--customers", "10", "--days", "30", "--rate", "100", "--out", str(tmp_path))
    )
    seconds = time.monotonic() - started
    events = sum(len((tmp_path / f"{name}.jsonl").read_bytes().splitlines()) for name in INPUTS)
    assert result.exit_code == 0
    assert seconds >= (events - 20) / 100


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--drifting", "2"], "drifting"),
        (["--start", "yesterday"], "start"),
        (["--silent", "Bob"], "silent"),
        (["--silent", "c-999999"], "silent"),
        (["--rate", "0"], "rate"),
        (["--rate", "1", "--compress", "1"], "compress"),
    ],
)
def test_an_argument_that_cannot_be_is_named_and_nothing_is_written(
    tmp_path: Path, arguments: list[str], named: str
) -> None:
    result = offbeat("--customers", "10", *arguments, "--out", str(tmp_path / "out"))
    assert result.exit_code == 65
    assert named in result.output
    assert not (tmp_path / "out").exists()


def test_missing_topics_are_named_with_the_command_that_makes_them(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFBEAT_TOPICS_PURCHASES", "simulate-missing")
    result = offbeat("--customers", "10", "--days", "10", "--broker", broker)
    assert result.exit_code == 78
    assert "simulate-missing" in result.output
    assert "offbeat topics create" in result.output


def test_topics_get_every_event_where_java_would_put_it(
    broker: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in INPUTS:
        monkeypatch.setenv(f"OFFBEAT_TOPICS_{name.upper()}", f"simulate-{name}")
    monkeypatch.setenv("OFFBEAT_TOPICS_PREFIX", "simulate")
    monkeypatch.setenv("OFFBEAT_TOPICS_PARTITIONS", "3")
    scenario = ("--customers", "300", "--days", "120", "--seed", "8")
    sent = offbeat(*scenario, "--broker", broker, "--create-topics")
    assert sent.exit_code == 0, sent.output
    offbeat(*scenario, "--out", str(tmp_path))
    wanted = {
        f"simulate-{name}": (tmp_path / f"{name}.jsonl").read_bytes().splitlines()
        for name in INPUTS
    }
    records = asyncio.run(consumed(broker, {name: len(lines) for name, lines in wanted.items()}))
    found: dict[str, list[bytes]] = {name: [] for name in wanted}
    for topic, partition, key, value in records:
        found[topic].append(value)
        assert key.decode() == json.loads(value)["customer_id"]
        assert partition == partition_of(key, 3)
    for name, lines in wanted.items():
        assert sorted(found[name]) == sorted(lines)


async def consumed(broker: str, wanted: dict[str, int]) -> list[tuple[str, int, bytes, bytes]]:
    consumer = AIOKafkaConsumer(*wanted, bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    records: list[tuple[str, int, bytes, bytes]] = []
    try:
        async with asyncio.timeout(30):
            while len(records) < sum(wanted.values()):
                for tp, batch in (await consumer.getmany(timeout_ms=200)).items():
                    records += [(tp.topic, tp.partition, r.key, r.value) for r in batch]
    finally:
        await consumer.stop()
    return records
