"""Where settings come from, and what to say when one is wrong.

Knows nothing about a particular setting: the model is an argument.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

from streams.errors import ConfigurationError

PREFIX = "OFFBEAT_"
CONFIG_VARIABLE = "OFFBEAT_CONFIG"
PROFILE_VARIABLE = "OFFBEAT_PROFILE_FILE"
# Read elsewhere: the files of settings, where downloads are kept (streams.kafka.jars), and where a
# test strikes (streams.kafka.fault_points).
_NOT_SETTINGS = frozenset(
    {CONFIG_VARIABLE, PROFILE_VARIABLE, "OFFBEAT_CACHE", "OFFBEAT_FAULT_POINT"}
)
DEFAULT_FILE = Path("offbeat.toml")
REMEDY = "Correct it, then try `offbeat config check`."
# Kubernetes sets <SERVICE>_PORT=tcp://… and <SERVICE>_SERVICE_HOST in every pod of a namespace, so
# that a Service named "offbeat" or "offbeat-web" looks as if it were settings.
_SERVICE_VALUE = re.compile(r"^(tcp|udp|sctp)://")
_SERVICE_NAME = re.compile(r"_SERVICE_(HOST|PORT(_.+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$")


class Source(NamedTuple):
    """What one place says: its name for people, and nested values by key."""

    name: str
    values: Mapping[str, Any]


def fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting in order: its dotted key and its field."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((f"{name}.{key}", inner) for key, inner in kind.model_fields.items())
        else:
            yield name, field


def lookup(values: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, or None."""
    group, _, name = key.partition(".")
    found = values.get(group)
    if name:
        return found.get(name) if isinstance(found, Mapping) else None
    return found


def gather(
    model: type[BaseSettings],
    config: Path | None,
    flags: Mapping[str, Any],
    profile_file: Path | None = None,
) -> list[Source]:
    """Everything that was said, least important first.

    The TOML file, the file of detector parameters, the environment, flags.

    Raises ConfigurationError for what has no place: an unreadable file, a variable that is no
    setting, an unknown flag, a secret where secrets must not be.
    """
    path = _config_path(config)
    open_to_eyes = [Source("flags", _nest(model, flags))]
    if path is not None:
        open_to_eyes.insert(0, Source(str(path), _read_toml(model, path)))
    for source in open_to_eyes:
        for key, field in fields(model):
            if field.annotation == SecretStr | None and lookup(source.values, key) is not None:
                raise ConfigurationError(
                    f"{key} is a secret and does not belong here",
                    where=source.name,
                    remedy=f"Accepted: {variable(key)}, or {key}_file.",
                )
    environment = Source("environment", read_environment(model))
    return [*open_to_eyes[:-1], *_profile(profile_file), environment, open_to_eyes[-1]]


def overlay(found: list[Source]) -> dict[str, Any]:
    """Nested values of all sources, the later over the earlier."""
    merged: dict[str, Any] = {}
    for source in found:
        for name, value in source.values.items():
            below = merged.get(name)
            both = isinstance(value, Mapping) and isinstance(below, Mapping)
            merged[name] = {**below, **value} if both and below is not None else value
    return merged


def origin(found: list[Source], key: str) -> str:
    """The place that a setting's value came from: a file, a variable, a flag or "default"."""
    for source in reversed(found):
        if lookup(source.values, key) is not None:
            if source.name == "environment":
                return variable(key)
            return (
                f"--{key.replace('.', '-').replace('_', '-')}"
                if source.name == "flags"
                else source.name
            )
    return "default"


def variable(key: str) -> str:
    """The environment variable of a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


def read_environment(model: type[BaseSettings]) -> dict[str, Any]:
    """What OFFBEAT_* says. Raises ConfigurationError for a variable that is no setting."""
    known = {variable(key) for key, _ in fields(model)} | {variable(k) for k in model.model_fields}
    open_groups = tuple(
        variable(f"{key}.") for key, field in fields(model) if "dict[" in str(field.annotation)
    )
    for name, value in os.environ.items():
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS or not value:
            continue
        is_known = name in known or name.startswith(open_groups)
        if is_known and _SERVICE_VALUE.match(value):
            raise ConfigurationError(
                f"{value!r} is what Kubernetes sets for a Service of that name",
                where=f"environment variable {name}",
                remedy="Set enableServiceLinks: false in the pod.",
            )
        if not is_known and not (_SERVICE_VALUE.match(value) or _SERVICE_NAME.search(name)):
            raise ConfigurationError(
                f"no such setting. {accepted(name, sorted(known))}",
                where=f"environment variable {name}",
                remedy="Unset it, or correct its name.",
            )
    try:
        values = EnvSettingsSource(model)()
    except SettingsError as error:
        raise ConfigurationError(
            str(error), where="environment", remedy="Accepted for a whole group: a JSON object."
        ) from error
    if PROFILE_VARIABLE in os.environ and isinstance(values.get("profile"), dict):
        values["profile"].pop("file", None)  # its name is that of a parameter "file", too
    return values


def explain(
    model: type[BaseSettings], error: ValidationError, found: list[Source]
) -> ConfigurationError:
    """Every mistake as a line: the key, where it was set, what was given, what is accepted."""
    lines = []
    for mistake in error.errors():
        key = ".".join(str(part) for part in mistake["loc"][:2])
        place = f"{key} ({origin(found, key)})" if origin(found, key) != "default" else key
        if mistake["type"] == "extra_forbidden":
            names = [name for name, _ in fields(model)]
            group = [name for name in names if name.split(".")[0] == key.split(".")[0]]
            lines.append(f"{place}: no such setting. {accepted(key, group or names)}")
            continue
        text = mistake["msg"].removeprefix("Value error, ")
        given = mistake["input"]
        secret = "password" in key or "token" in key
        shown = isinstance(given, str | int | float) and not secret
        lines.append(f"{place}: {text}" + (f" (given: {given!r})" if shown else ""))
    what = lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} mistakes", *lines])
    return ConfigurationError(what, remedy=REMEDY)


def accepted(wrong: str, names: list[str]) -> str:
    """What to say about a name that nobody knows: those near to it, or else all."""
    close = difflib.get_close_matches(wrong, names, n=3, cutoff=0.75)
    return f"Did you mean {' or '.join(close)}?" if close else f"Accepted: {', '.join(names)}"


def _config_path(config: Path | None) -> Path | None:
    named = config or (Path(text) if (text := os.environ.get(CONFIG_VARIABLE)) else None)
    if named is not None and not named.is_file():
        raise ConfigurationError(
            "there is no such file",
            where=str(named),
            remedy=f"Accepted by --config and {CONFIG_VARIABLE}: the path of a TOML file.",
        )
    return named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)


def _profile(profile_file: Path | None) -> list[Source]:
    """The file of detector parameters, if one is named."""
    path = profile_file or (Path(text) if (text := os.environ.get(PROFILE_VARIABLE)) else None)
    if path is None:
        return []
    from streams.profile_files import read_parameters  # noqa: PLC0415  # numba, only if it is used

    return [Source(str(path), {"profile": read_parameters(path)})]


def _read_toml(model: type[BaseSettings], path: Path) -> Mapping[str, Any]:
    try:
        return TomlConfigSettingsSource(model, path)()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"not TOML: {error}", where=str(path), remedy="Accepted: TOML 1.0 in UTF-8."
        ) from error


def _nest(model: type[BaseModel], flags: Mapping[str, Any]) -> dict[str, Any]:
    keys = {key.replace(".", "_"): key for key, _ in fields(model)}
    nested: dict[str, Any] = {}
    for name, value in flags.items():
        if name not in keys:
            raise ConfigurationError(
                f"no such setting. {accepted(name, sorted(keys))}", where=name, remedy=REMEDY
            )
        if value is not None:
            group, _, inner = keys[name].partition(".")
            if inner:
                nested.setdefault(group, {})[inner] = value
            else:
                nested[group] = value
    return nested
