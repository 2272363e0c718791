"""Three nodes of Apache Kafka: so that what one of them coordinated can move to another."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.coordination import FindCoordinatorRequest
from rich.console import Console

from streams.kafka.broker import EmbeddedBroker
from streams.kafka.node import Extras, cluster_id, free_port

NODES = 3
GROUP, TRANSACTION = 0, 1  # what a coordinator is asked for, in Kafka's protocol


class Cluster:
    """The first node is controller too, and is never struck; every topic has a replica on each."""

    def __init__(self, console: Console) -> None:
        controller, ports = free_port(), [free_port() for _ in range(NODES)]
        cluster = cluster_id()
        self.nodes = {
            number: EmbeddedBroker(
                port=port,
                console=console,
                extras=Extras(properties=_properties(number, port, controller), cluster=cluster),
            )
            for number, port in enumerate(ports, start=1)
        }

    @property
    def bootstrap(self) -> str:
        """All addresses."""
        return ",".join(node.bootstrap for node in self.nodes.values())

    def start(self) -> None:
        """Returns when all answer."""
        for node in self.nodes.values():
            node.start()

    def stop(self) -> None:
        """All of them; harmless for those that do not run."""
        for node in reversed(self.nodes.values()):
            node.stop()

    async def coordinators(self, group: str, transactional: Iterable[str]) -> dict[str, int]:
        """Which node coordinates the group, and each transactional id; -1 while none does."""
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap, request_timeout_ms=3000)
        await client.bootstrap()
        try:
            found = {}
            asked = [(group, GROUP), *((name, TRANSACTION) for name in transactional)]
            for name, kind in asked:
                request = FindCoordinatorRequest(name, kind)
                response = await client.send(client.get_random_node(), request)
                found[f"{'group' if kind == GROUP else 'transactions'} {name}"] = (
                    response.coordinator_id if response.error_code == 0 else -1
                )
            return found
        finally:
            await client.close()


def _properties(number: int, port: int, controller: int) -> dict[str, str]:
    own = {
        "node.id": str(number),
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "offsets.topic.replication.factor": str(NODES),
        "transaction.state.log.replication.factor": str(NODES),
        "transaction.state.log.min.isr": str(NODES - 1),
        "default.replication.factor": str(NODES),
        "min.insync.replicas": str(NODES - 1),
        # what has moved goes back to a node that is there again: the coordinator moves once more
        "auto.leader.rebalance.enable": "true",
        "leader.imbalance.check.interval.seconds": "2",
        "leader.imbalance.per.broker.percentage": "0",
    }
    if number == 1:
        listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
        return own | {"listeners": listeners}
    return own | {"process.roles": "broker", "listeners": f"PLAINTEXT://127.0.0.1:{port}"}
