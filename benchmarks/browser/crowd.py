"""A million customers in a worker's own columns, and the console over them, as a process.

`python -m benchmarks.browser.crowd PORT` serves until it is killed. Some thousand customers live
through a simulated year in the engine; their rows, with spends of their own, are then restored
under a million ids, as a recovery does it. `/beat` tells how long the event loop was busy at most
since it was last asked: that long a stream would have waited.
"""

import asyncio
import sys
import time
from pathlib import Path

import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from detectors.observations import Input
from detectors.timeline import Timeline
from streams import warmup
from streams.console import server
from streams.kafka.columns import Fetched
from streams.partition.life import PartitionLife
from streams.partition.seen import Seen
from streams.replay import as_columns
from streams.settings import Settings, detector_profile
from streams.sources.lines import Naming, encode
from streams.sources.rows import Rows

CUSTOMERS = 1_000_000
PARTITIONS = 4
LIVED = 2_000  # customers whose year is simulated
DAYS = 365.0
BEAT_SECONDS = 0.001


def crowd(settings: Settings, customers: int) -> list[PartitionLife]:
    """Partitions with so many customers together, each as it is after recovery."""
    lived = _life(settings, 0)
    scenario = Scenario(customers=LIVED, days=DAYS, drifting=0.1, seed=11)
    events = np.concatenate(list(Simulation(scenario).events()))
    for lines in encode(events, Naming()):
        numbers = np.arange(1, len(lines.values) + 1)
        rows = Rows(Path(), Input(lines.source), lines.values, lines.keys, lines.times, numbers)
        data, columns = as_columns(rows, 0)
        lived.take(Input(lines.source), Fetched(data, columns, 0, len(columns)), None)
    lived.tick(list(Input), None)
    template = lived.state.rows[: lived.state.size].copy()
    now = lived.timeline.watermark
    share = customers // PARTITIONS
    return [_restored(settings, n, template, n * share, share, now) for n in range(PARTITIONS)]


def _restored(
    settings: Settings, number: int, template: NDArray[np.void], first: int, count: int, now: float
) -> PartitionLife:
    random = np.random.default_rng(number)
    life = _life(settings, number)
    for begin in range(0, count, 50_000):
        n = min(50_000, count - begin)
        rows = template[random.integers(len(template), size=n)]
        rows["spend"] *= random.lognormal(0.0, 0.7, n)
        keys = [b"customer-%07d" % index for index in range(first + begin, first + begin + n)]
        ends = np.cumsum([len(key) for key in keys])
        starts = ends - len(keys[0])
        life.state.restore(np.frombuffer(b"".join(keys), np.uint8), starts, ends, rows)
    life.timeline = Timeline(now)
    return life


def _life(settings: Settings, number: int) -> PartitionLife:
    starts = dict.fromkeys(Input, (0, False))
    life = PartitionLife(number, detector_profile(settings), settings.topics.inputs, starts)
    life.finish_recovery()
    return life


async def serve(port: int) -> None:
    """The console over the crowd, on loopback."""
    settings = Settings()
    settings = settings.model_copy(
        update={"topics": settings.topics.model_copy(update={"partitions": PARTITIONS})}
    )
    warmup.load_kernels()
    lives = crowd(settings, CUSTOMERS)
    seen = [Seen(life, dict.fromkeys(Input, 0), time.time(), saving=False) for life in lives]
    app, busiest = web.Application(), [0.0]

    async def beat(_: web.Request) -> web.Response:
        found, busiest[0] = busiest[0], 0.0
        return web.json_response(found)

    app.router.add_get("/beat", beat)
    server.install(app, settings, lambda: seen, dict, f"http://127.0.0.1:{port}")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(BEAT_SECONDS)
        busiest[0] = max(busiest[0], time.perf_counter() - begun - BEAT_SECONDS)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
