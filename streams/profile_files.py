"""Files of detector parameters: TOML with the fields of `detectors.profile.Profile`.

They stand at the top or under `[profile]`, as in a file of settings; what is not there is the
default. What has settings of its own (`streams.settings.SHARED`, and whatever is no number, text or
list of these) is not accepted here.
"""

import dataclasses
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from detectors.profile import Profile
from streams.errors import ConfigurationError, InputError
from streams.settings import SHARED
from streams.settings_sources import accepted

REMEDY = "Correct it; `offbeat config show` lists every parameter."


def parameters() -> dict[str, Any]:
    """Name and default of every parameter that a file may set."""
    default = Profile()
    pairs = [(field.name, getattr(default, field.name)) for field in dataclasses.fields(Profile)]
    return {name: value for name, value in pairs if name not in SHARED and _kind(value)}


def read_parameters(path: Path) -> dict[str, Any]:
    """What a file sets, checked field by field and as a whole; lists are tuples.

    Raises:
        ConfigurationError: it cannot be read, or a field is unknown or not acceptable.
    """
    values = _fields(path)
    known = parameters()
    for name, value in values.items():
        if name not in known:
            raise ConfigurationError(
                f"no such parameter. {accepted(name, list(known))}",
                where=f"{path}: {name}",
                remedy=REMEDY,
            )
        wanted = _kind(known[name])
        if _kind(value) != wanted:
            raise ConfigurationError(
                f"must be a {wanted}, got {value!r}", where=f"{path}: {name}", remedy=REMEDY
            )
    given = {name: _frozen(value) for name, value in values.items()}
    try:
        Profile(**given)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(str(error), where=str(path), remedy=REMEDY) from error
    return given


def with_parameters(profile: Profile, values: Mapping[str, float]) -> Profile:
    """The profile with these of its parameters.

    Raises:
        InputError: one is unknown or not acceptable.
    """
    try:
        return dataclasses.replace(profile, **cast(dict[str, Any], values))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"proposed parameters are not acceptable: {error}",
            remedy="Another version of offbeat proposed them: use that one.",
        ) from error


def write_profile(path: Path, profile: Profile, said: Sequence[str] = ()) -> None:
    """Write what differs from the defaults; `said` becomes comments at the top.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    lines = [*(f"# {line}" for line in said), "[profile]", *_lines(profile)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise ConfigurationError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            remedy="Give a file in a folder that you may write to.",
        ) from error


def comments(path: Path) -> list[str]:
    """The comments at the top of a file; none if it is not there."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [line.removeprefix("#").strip() for line in lines[:first]]


def _lines(profile: Profile) -> Iterator[str]:
    for name, default in parameters().items():
        value = getattr(profile, name)
        if value != default:
            yield f"{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    """A scalar or a list as TOML; JSON's notation is TOML's for all that occurs here."""
    return json.dumps(value)


def _fields(path: Path) -> Mapping[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            remedy="Accepted by --profile and OFFBEAT_PROFILE_FILE: the path of a TOML file.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"not TOML: {error}", where=str(path), remedy="Accepted: TOML 1.0 in UTF-8."
        ) from error
    inner = values.get("profile")
    if not isinstance(inner, dict):
        return values
    beside = [name for name in values if name != "profile"]
    if beside:
        raise ConfigurationError(
            f"stands beside [profile]: {', '.join(beside)}",
            where=str(path),
            remedy="Accepted: the parameters at the top, or all of them under [profile]; other "
            "settings belong into offbeat.toml.",
        )
    return inner


def _kind(value: Any) -> str:
    """A word for what TOML can hold, and nothing for anything else."""
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list | tuple):
        return "list"
    return "text" if isinstance(value, str) else ""


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
