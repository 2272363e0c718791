"""The command line: `offbeat COMMAND`, one command a file.

Nothing but typer is imported until a command has been chosen: `offbeat --help` answers at once, and
what one command needs (numba, Faust, Kafka's Java) costs the others nothing.
"""

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# Name, and what `offbeat --help` says about it. The module of the same name holds either
# `app` (a typer.Typer with commands of its own) or `command` (a plain function).
COMMANDS = {
    "demo": "Run everything here, a broker too: try it out.",
    "worker": "Run a worker: read the inputs, write alerts.",
    "replay": "Decide over files instead of topics, without a broker.",
    "fit": "Learn the population's parameters from a history of your own.",
    "calibrate": "Find the price of a false alert that meets a budget.",
    "backtest": "Hold offbeat against simple rules on a history of your own.",
    "simulate": "Make customers whose changes are known.",
    "watch": "Show who is at risk, as it changes.",
    "explain": "Say why a customer is, or is not, at risk.",
    "topics": "Create the topics, check them, or list a worker's permissions.",
    "dlq": "Look at dead letters, and send them again.",
    "erase": "Have customers forgotten, everywhere that is offbeat's.",
    "schemas": "Write the JSON Schemas and the AsyncAPI document.",
    "config": "Show or check the settings.",
    "capacity": "Say how many workers, how much memory and disk a load needs.",
    "broker": "Run Apache Kafka on this machine, without Docker.",
}


class LazyGroup(TyperGroup):
    """Commands known by name and help; their modules are imported when one is run."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Replace the placeholder that help shows by the command itself."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else placeholder, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a deliberate error becomes a short message and its exit code."""
        from streams.errors import OffbeatError

        try:
            return super().invoke(ctx)
        except OffbeatError as error:
            if ctx.params["debug"]:
                raise
            _print_error(error)
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help imports Markdown and lexers: a third of a second
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"offbeat {version('offbeat')}")
        raise typer.Exit


@app.callback()
def offbeat(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error that has a message.")
    ] = False,
) -> None:
    """Notices, as it happens, that a customer has fallen off their own beat."""


def _placeholder() -> None:
    """Stands in the help; `LazyGroup.resolve_command` puts the command in its place."""


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help)(_placeholder)


def _load(name: str) -> Any:
    """The command from its module. Raises ConfigurationError when a part is not installed."""
    from streams.errors import ConfigurationError

    try:
        module = importlib.import_module(f"streams.cli.{name}")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{error.name} is not installed",
            where=f"offbeat {name}",
            remedy="Install all of it: pip install 'offbeat[demo]'.",
        ) from error
    outer = typer.Typer(add_completion=False, rich_markup_mode=None)
    group = getattr(module, "app", None)
    if group is None:
        outer.command(name)(module.command)
        return typer.main.get_command(outer)
    outer.add_typer(group, name=name)
    return typer.main.get_group(outer).commands[name]


def _print_error(error: Any) -> None:
    from rich.console import Console
    from rich.text import Text

    lines = Text.assemble(("error: ", "bold red"), f"{error.where}: " if error.where else "")
    lines.append(f"{error.what}\n")
    lines.append(error.remedy, "green")
    Console(stderr=True, soft_wrap=True).print(lines)


def main() -> None:
    """The entry point of the `offbeat` script."""
    app(prog_name="offbeat")
