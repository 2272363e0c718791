"""Where the console may be served, and to whom."""

from pathlib import Path

import pytest

from streams.console.access import is_loopback, token_of
from streams.errors import ConfigurationError
from streams.settings import Settings, load

TOKEN = "correct-horse-battery"


def settings(host: str = "127.0.0.1", **console: object) -> Settings:
    return Settings.model_validate({"web": {"host": host}, "console": console})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    assert token_of(settings(host)) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "worker.example.com"])
def test_whatever_is_wider_does_not_start_without_one(host: str) -> None:
    with pytest.raises(ConfigurationError, match="needs a token") as caught:
        token_of(settings(host))
    assert "OFFBEAT_CONSOLE_TOKEN_FILE" in caught.value.remedy
    assert token_of(settings(host, token=TOKEN)) == TOKEN


def test_a_token_is_read_from_its_file_alone_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert token_of(settings("::", token_file=path)) == TOKEN


def test_a_token_that_is_guessed_in_a_day_is_refused_and_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "token"
    for short in ("", "hunter2"):
        path.write_text(short)
        with pytest.raises(ConfigurationError, match="16 or more") as caught:
            token_of(settings(token_file=path))
        assert "hunter2" not in str(caught.value)


def test_a_file_that_cannot_be_read_as_text_is_refused_without_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"\xff\xfesecret")
    with pytest.raises(ConfigurationError, match="not UTF-8") as caught:
        token_of(settings(token_file=path))
    assert "secret" not in str(caught.value)


def test_a_token_is_a_secret_and_given_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "offbeat.toml"
    path.write_text(f'[console]\ntoken = "{TOKEN}"\n')
    with pytest.raises(ConfigurationError, match="is a secret"):
        load(path)
    monkeypatch.setenv("OFFBEAT_CONSOLE_TOKEN", TOKEN)
    secret = load().console.token
    assert secret is not None
    assert TOKEN not in repr(load())
    monkeypatch.setenv("OFFBEAT_CONSOLE_TOKEN_FILE", str(path))
    with pytest.raises(ConfigurationError, match="keep one") as caught:
        load()
    assert TOKEN not in str(caught.value)
