"""Which files Kafka is made of, and what happens when the registry does not give them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from streams.errors import BrokerError
from streams.kafka import jars


class _Tampered(BaseHTTPRequestHandler):
    """A registry that answers every file, with something else in it."""

    def do_GET(self) -> None:
        body = b"not the jar"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def _mirror(home: Path) -> Iterator[str]:
    """A loopback registry, set where jgo looks for mirrors."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tampered)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    (home / ".config").mkdir()
    (home / ".config" / "jgo.conf").write_text(f"[repositories]\nmirror = {url}\n")
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()


def test_every_locked_artifact_has_a_full_coordinate_and_a_sha256() -> None:
    locked = jars.locked()
    assert len(locked) > 40
    for jar in locked:
        assert len(jar.coordinate.split(":")) == 3
        assert len(bytes.fromhex(jar.sha256)) == 32
    assert {jar.coordinate for jar in locked} >= set(jars.ROOTS)


def test_a_registry_that_gives_another_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with _mirror(tmp_path), pytest.raises(BrokerError, match="not the file that was locked"):
        jars.fetch(tmp_path / "cache", Console(quiet=True))
    assert not list((tmp_path / "cache").rglob("kafka_2.13*.jar"))


def test_without_a_registry_the_error_names_the_file_and_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with _mirror(tmp_path):
        pass  # set up as before, but nobody listens any more
    with pytest.raises(BrokerError) as caught:
        jars.fetch(tmp_path / "cache", Console(quiet=True))
    message = str(caught.value)
    assert jars.ROOTS[0] in message
    for setting in ("OFFBEAT_BROKER", "OFFBEAT_CACHE", "HTTPS_PROXY", "[repositories]"):
        assert setting in message


def test_the_cache_folder_is_the_one_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFBEAT_CACHE", str(tmp_path))
    assert jars.cache_folder() == tmp_path
    monkeypatch.delenv("OFFBEAT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jars.cache_folder() == tmp_path / "offbeat"
