"""What Faust's web server serves, and to whom.

By default that is the tables' contents and the cluster's topology, on all interfaces.
"""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import faust
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from streams.ops.health import Health, install, web_options
from streams.ops.metrics import Metrics
from streams.settings_groups import Web


class Worker:
    """A Faust app whose web server alone runs, and a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.metrics = Metrics(CollectorRegistry())
        self.health = Health(stall_seconds=60.0, now=0.0)
        self.app = faust.App("web-seam", datadir=str(folder), **web_options(Web(port=0)))
        install(self.app, self.metrics, self.health, lambda: self.now)
        self.url = f"http://127.0.0.1:{self.app.conf.web_port}"

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(self.url + path) as response,
        ):
            return response.status, await response.text()


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    worker = Worker(tmp_path)
    async with worker.app.web:
        yield worker


async def test_a_page_answers_whether_the_worker_is_ready(worker: Worker) -> None:
    assert await worker.get("/readyz") == (503, "not yet a member of the group\n")
    worker.health.assigned([0])
    assert await worker.get("/readyz") == (503, "recovering partitions 0\n")
    worker.health.recovered(0)
    assert await worker.get("/readyz") == (200, "1 partitions ready\n")


async def test_a_page_answers_whether_the_worker_is_alive(worker: Worker) -> None:
    worker.health.observed(position=1, lag=5, now=0.0)
    assert (await worker.get("/livez"))[0] == 200
    worker.now = 61.0
    assert (await worker.get("/livez"))[0] == 503


async def test_metrics_are_in_the_format_that_prometheus_reads(worker: Worker) -> None:
    worker.metrics.rebalances.inc()
    status, text = await worker.get("/metrics")
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["offbeat_rebalances"].samples[0].value == 1


async def test_metrics_are_served_as_openmetrics_to_who_asks(worker: Worker) -> None:
    asked = "application/openmetrics-text; version=1.0.0"
    assert (await worker.get("/metrics", Accept=asked))[1].endswith("# EOF\n")


@pytest.mark.parametrize(
    "path", ["/", "/table", "/table/", "/router", "/router/", "/graph/", "/stats/", "/assignment/"]
)
async def test_none_of_fausts_own_pages_is_served(worker: Worker, path: str) -> None:
    assert (await worker.get(path))[0] == 404


async def test_nothing_else_is_served_whatever_a_new_version_adds(worker: Worker) -> None:
    routes = {route.resource.canonical for route in worker.app.web.web_app.router.routes()}
    assert routes == {"/metrics", "/livez", "/readyz"}


async def test_nothing_can_be_written(worker: Worker) -> None:
    methods = {route.method for route in worker.app.web.web_app.router.routes()}
    assert methods == {"GET", "HEAD"}


async def test_only_this_machine_is_served(worker: Worker) -> None:
    assert [host for host, _ in worker.app.web._runner.addresses] == ["127.0.0.1"]


def test_a_port_that_is_asked_for_is_taken() -> None:
    assert web_options(Web(port=7000))["web_port"] == 7000


def test_a_worker_on_all_interfaces_is_known_to_the_group_by_its_own_name() -> None:
    options = web_options(Web(host="0.0.0.0", port=7000))
    assert (options["web_bind"], options["web_host"]) == ("0.0.0.0", socket.gethostname())
    assert web_options(Web(port=7000))["web_host"] == "127.0.0.1"


def test_a_free_port_is_found_for_ipv6_too() -> None:
    assert 0 < web_options(Web(host="::1", port=0))["web_port"] <= 65535
