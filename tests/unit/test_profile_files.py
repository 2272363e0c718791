"""Files of detector parameters: what is written is read again, and what is wrong is named."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from detectors.profile import Profile
from streams import profile_files
from streams.errors import ConfigurationError
from streams.profile_files import (
    comments,
    parameters,
    read_parameters,
    write_profile,
)


def read_profile(path: Path) -> Profile:
    return Profile(**read_parameters(path))


def refusal(text: str, path: Path) -> str:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_profile(path)
    return str(caught.value)


def test_what_is_written_is_read_again_to_the_last_bit(tmp_path: Path) -> None:
    profile = replace(Profile(), gap_location=1 / 3, alert_cost_days=1e-7, horizon_days=1e5 / 3)
    write_profile(tmp_path / "folder" / "p.toml", profile)
    assert read_profile(tmp_path / "folder" / "p.toml") == profile


def test_what_equals_the_default_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    write_profile(path, replace(Profile(), gap_scale=2.5))
    assert tomllib.loads(path.read_text()) == {"profile": {"gap_scale": 2.5}}
    write_profile(path, Profile())
    assert tomllib.loads(path.read_text()) == {"profile": {}}
    assert read_profile(path) == Profile()


def test_what_is_a_setting_of_its_own_is_no_parameter_of_a_file() -> None:
    names = parameters()
    assert "gap_location" in names
    assert "allowed_lateness_seconds" not in names


def test_what_has_no_notation_of_its_own_is_neither_written_nor_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class Wider(Profile):
        hours: tuple[float, ...] = (1.0, 1.0)
        other: object = None

        def __post_init__(self) -> None:
            """Its fields are not all numbers."""

    monkeypatch.setattr(profile_files, "Profile", Wider)
    path = tmp_path / "p.toml"
    write_profile(path, replace(Wider(), hours=(0.5, 1.5), other=object()))
    assert tomllib.loads(path.read_text()) == {"profile": {"hours": [0.5, 1.5]}}
    assert read_parameters(path) == {"hours": (0.5, 1.5)}
    path.write_text("other = 1")
    with pytest.raises(ConfigurationError, match="other: no such parameter"):
        read_parameters(path)


def test_fields_stand_at_the_top_or_under_their_own_heading(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    for text in ("gap_scale = 3", "[profile]\ngap_scale = 3"):
        path.write_text(text)
        assert read_parameters(path) == {"gap_scale": 3}


def test_comments_at_the_top_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    assert comments(path) == []
    write_profile(path, replace(Profile(), gap_scale=2.5), ["one", "two: 2"])
    assert comments(path) == ["one", "two: 2"]
    assert read_profile(path).gap_scale == 2.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gap_loaction = 1", "gap_loaction: no such parameter. Did you mean gap_location"),
        ("[profile]\ngap_scale = 'much'", "gap_scale: must be a number, got 'much'"),
        ("gap_scale = true", "gap_scale: must be a number, got True"),
        ("gap_scale = [1.0]", "gap_scale: must be a number, got [1.0]"),
        ("gap_scale = -1.0", "gap_scale must not be negative, got -1.0"),
        ("gap_scale = nan", "gap_scale must be a finite number"),
        ("warning_from = 0.9", "warning_from, error_from and critical_from must rise"),
        ("allowed_lateness_seconds = 1", "allowed_lateness_seconds: no such parameter"),
        ("[web]\nport = 1\n[profile]\ngap_scale = 1", "stands beside [profile]: web"),
        ("gap_scale =", "not TOML"),
    ],
)
def test_a_refusal_names_the_file_the_field_and_the_remedy(
    tmp_path: Path, text: str, said: str
) -> None:
    message = refusal(text, tmp_path / "p.toml")
    assert message.startswith(str(tmp_path / "p.toml"))
    assert said in message
    assert "offbeat config show" in message or "Accepted:" in message


def test_a_file_that_is_not_there_names_what_takes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--profile and OFFBEAT_PROFILE_FILE"):
        read_profile(tmp_path / "nothing.toml")


def test_a_file_that_cannot_be_written_is_a_short_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_profile(tmp_path / "file" / "p.toml", Profile())
