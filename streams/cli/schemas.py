"""`offbeat schemas`: the contracts as files, for producers and consumers in other languages."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.events import CUSTOMERS
from schemas.export import documents
from streams.cli.options import Config
from streams.errors import InputError
from streams.settings import load

app = typer.Typer(no_args_is_help=True)


@app.callback()
def schemas() -> None:
    """Write the JSON Schemas (2020-12) and the AsyncAPI 3 document of all topics."""


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to; made when it is not there.")],
    config: Config = None,
) -> None:
    """Write a JSON Schema a record type and asyncapi.json, with the topics' names as configured."""
    settings = load(config)
    topics = settings.topics
    written = documents(topics.prefix, topics.inputs, topics.customers or CUSTOMERS)
    try:
        for name, content in written.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"cannot be written to: {error.strerror}",
            where=str(error.filename or folder),
            remedy="Give a folder that you may write to.",
        ) from error
    print(f"{len(written)} files in {folder}")
