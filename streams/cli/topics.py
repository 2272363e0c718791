"""`offbeat topics`: make the topics, compare them with their specs, list permissions, manifests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli import options

if TYPE_CHECKING:
    from rich.table import Table

    from streams.kafka.findings import Described, Finding
    from streams.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="Create the topics, check them, or list a worker's permissions."
)


@app.command()
def create(
    config: options.Config = None,
    broker: options.Broker = None,
    partitions: Annotated[
        int | None, typer.Option(help="Of each input, where no input is there yet.")
    ] = None,
    replication: Annotated[
        int | None, typer.Option(help="Copies of each partition; -1 is the broker's default.")
    ] = None,
) -> None:
    """Make the topics that are missing; what is there is left as it is."""
    from streams.kafka import topics
    from streams.settings import load

    settings = load(
        config, broker=broker, topics_partitions=partitions, topics_replication=replication
    )
    created = asyncio.run(topics.create(settings))
    for name in created:
        print(f"created {name}")
    if not created:
        print(
            "Every topic is there already; `offbeat topics check` compares them with their specs."
        )


@app.command()
def check(config: options.Config = None, broker: options.Broker = None) -> None:
    """Say what is wrong with the topics: exit code 0, or 78 when a worker would not start."""
    from rich.console import Console

    from streams.errors import TopicsError
    from streams.kafka import topics
    from streams.settings import load

    settings = load(config, broker=broker)

    found, findings = asyncio.run(topics.check(settings))
    console = Console()
    console.print(_table(settings, found, findings))
    for finding in findings:
        console.print(
            f"{finding.severity}: {finding}", markup=False, highlight=False, soft_wrap=True
        )
    if settings.topics.customers is None:
        console.print(
            "No customers' topic is set (OFFBEAT_TOPICS_CUSTOMERS): nobody can be erased.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(TopicsError.exit_code)
    console.print("A worker can start.")


@app.command()
def acls(
    config: options.Config = None,
    broker: options.Broker = None,
    group: Annotated[str | None, typer.Option(help="Consumer group.")] = None,
    partitions: Annotated[
        int | None, typer.Option(help="Of each input: a transactional id for each.")
    ] = None,
    principal: Annotated[
        str | None,
        typer.Option(help="Whom to allow it; default User: and kafka.sasl_username."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A list of objects instead of commands.")
    ] = False,
) -> None:
    """Print what a worker has to be allowed, and no more, as kafka-acls.sh commands.

    Asks no broker. Every worker of a group needs the same.
    """
    import orjson

    from streams.kafka import acls
    from streams.settings import load

    settings = load(config, broker=broker, group=group, topics_partitions=partitions)
    wanted = acls.acls(settings)
    whom = principal or f"User:{settings.kafka.sasl_username or settings.group}"
    if as_json:
        entries = [
            {
                "principal": whom,
                "resource": acl.resource,
                "name": acl.name,
                "pattern": "literal",
                "operation": acl.operation,
            }
            for acl in wanted
        ]
        print(orjson.dumps(entries, option=orjson.OPT_INDENT_2).decode())
        return
    for line in acls.commands(wanted, whom, settings.broker):
        print(line)


@app.command()
def manifest(
    config: options.Config = None,
    group: Annotated[str | None, typer.Option(help="Consumer group.")] = None,
    partitions: Annotated[int | None, typer.Option(help="Of each input.")] = None,
    replication: Annotated[
        int | None, typer.Option(help="Copies of each partition; -1 is the cluster's default.")
    ] = None,
    cluster: Annotated[
        str, typer.Option(help="Name of Strimzi's Kafka resource, in the same namespace.")
    ] = "kafka",
    users: Annotated[
        bool, typer.Option("--users", help="KafkaUsers with their permissions instead of topics.")
    ] = False,
) -> None:
    """Print the topics, or their users, as resources of Strimzi, for kubectl apply.

    Asks no broker. Who uses these needs neither `topics create` nor `topics acls`.
    """
    import yaml

    from streams.kafka import strimzi
    from streams.settings import load

    settings = load(
        config, group=group, topics_partitions=partitions, topics_replication=replication
    )
    make = strimzi.user_resources if users else strimzi.topic_resources
    print(yaml.safe_dump_all(make(settings, cluster), sort_keys=False), end="")


def _table(settings: Settings, found: dict[str, Described], findings: list[Finding]) -> Table:
    from rich.table import Table

    from streams.kafka.topics import specs

    table = Table("topic", "role", "partitions", "copies", "cleanup", "state")
    for spec in specs(settings):
        worst = min((x.severity for x in findings if x.topic == spec.name), default="good")
        topic = found.get(spec.name)
        shown = (
            ("–", "–", "–")
            if topic is None
            else (
                str(topic.partitions),
                str(topic.replication),
                topic.config.get("cleanup.policy", "?"),
            )
        )
        table.add_row(spec.name, spec.role, *shown, worst)
    return table
