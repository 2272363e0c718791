"""`offbeat config`: which settings hold, where each came from, and whether they are acceptable."""

import json
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr

from streams.cli import options
from streams.settings import SHARED, Settings, config_hash, detector_profile, merge
from streams.settings_sources import Source, fields, gather, lookup, origin

app = typer.Typer(no_args_is_help=True, help="Show or check the settings.")


@app.command()
def show(config: options.Config = None, profile: options.ProfileFile = None) -> None:
    """Print every setting, its value, where that came from and what it means.

    The output is a TOML file that sets the same again; secrets are hidden and commented out.
    """
    found = gather(Settings, config, {}, profile)
    settings = merge(found)
    group = ""
    for key, field in fields(Settings):
        if key == "profile":
            continue
        head, _, name = key.rpartition(".")
        if head != group:
            group = head
            print(f"\n[{group}]")
        value = getattr(getattr(settings, head) if head else settings, name)
        print(_line(name, value, origin(found, key), field.description or ""))
    print("\n[profile]")
    from detectors.profile import tunables  # numba: check does without it

    detectors = detector_profile(settings)
    for name in tunables():
        if name not in SHARED:  # these are above
            print(_line(name, getattr(detectors, name), _profile_origin(found, name), ""))


@app.command()
def check(config: options.Config = None, profile: options.ProfileFile = None) -> None:
    """Say whether the settings are acceptable: exit code 0, or 78 and every mistake named."""
    from streams.console.access import token_of  # a web server's library: show does without it

    settings = merge(gather(Settings, config, {}, profile))
    if settings.console.enabled:
        token_of(settings)
    print(f"The settings are acceptable. config_hash = {config_hash(settings)}")


def _line(name: str, value: Any, place: str, meaning: str) -> str:
    shown = name
    if isinstance(value, SecretStr):
        shown = f'# {name} = "**********"'
    elif value is None:
        shown = f"# {name} ="
    else:
        shown = f"{name} = {_toml(value)}"
    return f"{shown:<44}  # {place}{': ' if meaning else ''}{meaning}"


def _toml(value: Any) -> str:
    """A scalar or a flat list as TOML; JSON's notation is TOML's for all that occurs here."""
    return json.dumps(str(value) if isinstance(value, Path) else value)


def _profile_origin(found: list[Source], name: str) -> str:
    for source in reversed(found):
        profile = lookup(source.values, "profile")
        if profile and name in profile:
            return origin([source], f"profile.{name}")
    return "default"
