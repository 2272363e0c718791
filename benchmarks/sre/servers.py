"""A Prometheus and an Alertmanager of our own on the loopback, by the files that are deployed.

What differs: addresses, and pace, so that minutes become seconds. No expression is touched.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

from benchmarks.harness import LOGS
from benchmarks.sre.checks import ALERTMANAGER, PROMETHEUS, RULES
from benchmarks.sre.tools import Tools
from streams.errors import BrokerError
from streams.kafka.node import free_port

SCRAPE = "1s"
FOR = "1s"
START_SECONDS = 20.0


class Server:
    """One program, its address, and what it answers; `folder` holds its files."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        self.name = name
        self.folder = folder
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        LOGS.mkdir(parents=True, exist_ok=True)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10))
        self._process = self._launch()
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._ready():  # noqa: ASYNC110 (another program's state)
                    await asyncio.sleep(0.1)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
        if self._process is not None:
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, 10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _launch(self) -> subprocess.Popen[bytes]:
        with (LOGS / f"sre-{self.name}.log").open("wb") as log:
            return subprocess.Popen(self.command(), stdout=log, stderr=log)

    async def _ready(self) -> bool:
        assert self._process is not None
        assert self._session is not None
        if self._process.poll() is not None:
            raise BrokerError(
                f"{self.name} has ended with exit code {self._process.returncode}",
                remedy=f"{LOGS}/sre-{self.name}.log says why.",
            )
        try:
            async with self._session.get(f"http://{self.address}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def get(self, path: str, **parameters: str) -> Any:
        """The JSON that it answers with; an error of the request is an answer too."""
        assert self._session is not None
        async with self._session.get(f"http://{self.address}{path}", params=parameters) as answer:
            return await answer.json()


class Alertmanager(Server):
    """Routes as deployed; every receiver is the webhook given."""

    def __init__(self, tools: Tools, folder: Path, webhook: str) -> None:
        super().__init__("alertmanager", folder, free_port())
        self._program = tools.alertmanager
        config = yaml.safe_load(ALERTMANAGER.read_text())
        for route in (config["route"], *config["route"]["routes"]):
            route |= {"group_wait": "1s", "group_interval": "1s"}
        for receiver in config["receivers"]:
            url = f"{webhook}/{receiver['name']}"
            receiver["webhook_configs"] = [{"url": url, "send_resolved": True}]
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))

    def command(self) -> list[str]:
        """Alone: no cluster is formed."""
        return [
            self._program,
            f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/alertmanager",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        ]

    async def alerts(self) -> list[dict[str, Any]]:
        """What it knows now, inhibited ones included."""
        found: list[dict[str, Any]] = await self.get("/api/v2/alerts")
        return found


class Prometheus(Server):
    """Configuration and rules as deployed, at another pace; it scrapes `targets`."""

    def __init__(self, tools: Tools, folder: Path, targets: list[str], alertmanager: str) -> None:
        super().__init__("prometheus", folder, free_port())
        self._program = tools.prometheus
        config = yaml.safe_load(PROMETHEUS.read_text())
        config["global"] |= {
            "scrape_interval": SCRAPE,
            "scrape_timeout": SCRAPE,
            "evaluation_interval": SCRAPE,
        }
        for scrape in config["scrape_configs"]:
            del scrape["dns_sd_configs"]
            scrape["static_configs"] = [{"targets": targets}]
        (manager,) = config["alerting"]["alertmanagers"]
        manager["static_configs"] = [{"targets": [alertmanager]}]
        rules = yaml.safe_load(RULES.read_text())
        for group in rules["groups"]:
            group.pop("interval", None)
            for rule in group["rules"]:
                if "for" in rule:
                    rule["for"] = FOR
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        (folder / "rules.yml").write_text(yaml.safe_dump(rules))

    def command(self) -> list[str]:
        """Its data goes into its folder."""
        return [
            self._program,
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/prometheus",
            f"--web.listen-address={self.address}",
        ]

    async def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """The answer now, as labels and value.

        Raises:
            ValueError: Prometheus does not take the expression; says why.
        """
        answer = await self.get("/api/v1/query", query=expr)
        if answer["status"] != "success":
            raise ValueError(f"{expr}: {answer['error']}")
        data = answer["data"]
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    async def value(self, expr: str) -> float:
        """The sum of the answer; 0 if there is none."""
        return sum(value for _, value in await self.query(expr))

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health."""
        answer = await self.get("/api/v1/rules")
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]


class Receiver:
    """Whom Alertmanager calls: what it was told, as (receiver, alert, status)."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.told: set[tuple[str, str, str]] = set()

    async def take(self, request: web.Request) -> web.Response:
        """One notification, of one alert or several."""
        for alert in (await request.json())["alerts"]:
            name = request.match_info["receiver"]
            self.told.add((name, alert["labels"]["alertname"], alert["status"]))
        return web.Response()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A web server for as long as this lasts."""
    port = free_port()
    one = Receiver(port)
    app = web.Application()
    app.router.add_post("/{receiver}", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield one
    finally:
        await runner.cleanup()
