"""The compose file and what it mounts: pinned, healthy, on the loopback, and true to the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.kafka import jars
from streams.settings import load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"topics"}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()

_IMAGE = re.compile(r"^[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z0-9-]+)?$")


def _mounts() -> Iterator[tuple[str, str]]:
    """Service, and what it mounts: a path of the repository or a volume's name."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            yield name, volume.split(":")[0]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_to_a_full_version(name: str) -> None:
    assert _IMAGE.match(SERVICES[name]["image"])


def test_every_base_image_and_tool_of_our_own_image_is_pinned() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert images
    assert all(_IMAGE.match(image) for image in images)
    (uv,) = re.findall(r"uv==(\S+)", DOCKERFILE)
    assert f"UV_VERSION := {uv}\n" in (ROOT / "Makefile").read_text()


def test_kafka_is_the_version_that_the_tests_run_on() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{jars.KAFKA}"


@pytest.mark.parametrize("name", SERVICES.keys() - ONE_SHOT)
def test_every_service_that_stays_says_whether_it_is_healthy(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= check.keys()
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_a_service_starts_after_what_it_needs_is_ready() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
            assert how["condition"] == wanted, f"{name} needs {needed}"
    assert "topics" in SERVICES["worker"]["depends_on"]


def test_nothing_listens_beyond_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)
    assert "ports" not in SERVICES["worker"]  # its pages have no authentication


def test_everything_that_is_mounted_is_there() -> None:
    for service, source in _mounts():
        if source.startswith("."):
            assert (ROOT / source).exists(), f"{service} mounts {source}"
        else:
            assert source in COMPOSE["volumes"], f"{service} mounts {source}"


def test_secrets_come_from_outside_and_reach_containers_as_files() -> None:
    for secret in COMPOSE["secrets"].values():
        assert secret.keys() <= {"environment", "file"}
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN", key):
                assert value.startswith("/run/secrets/")


def test_our_containers_can_do_no_more_than_they_must() -> None:
    for name in ("topics", "worker"):
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    user = re.findall(r"^USER (\d+)", DOCKERFILE, re.MULTILINE)
    assert user
    assert user[-1] != "0"


@pytest.mark.parametrize("name", ["topics", "worker"])
def test_a_container_s_environment_is_made_of_settings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(key, value)
    assert load().broker == "kafka:19092"


def test_prometheus_scrapes_the_port_that_workers_listen_on() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (discovery,) = config["scrape_configs"][0]["dns_sd_configs"]
    assert str(discovery["port"]) == SERVICES["worker"]["environment"]["OFFBEAT_WEB_PORT"]
    assert discovery["names"] == ["worker"]
