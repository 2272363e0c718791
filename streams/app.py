"""The only wiring: settings in, a Faust app out.

Importing this module makes nothing; `create` does.
"""

import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import cast

import faust
from faust.types.tuples import TP
from prometheus_client import CollectorRegistry

from detectors.learning.names import FEATURES
from detectors.observations import Input
from schemas.topics import OutputTopics
from streams import agents
from streams.console import server as console
from streams.kafka.connection import client_options, faust_credentials
from streams.kafka.ends import LogEnds
from streams.kafka.table import ChangelogTable, Tables
from streams.kafka.transport import (
    ASKING_MS,
    FETCH_MS,
    ColumnarConsumer,
    ColumnarTransport,
    require_seams,
)
from streams.ops import health, logs
from streams.ops.metrics import Metrics
from streams.ops.observer import Observer
from streams.ops.watchdog import Watchdog
from streams.partition.owner import PartitionOwner
from streams.partition.publish import Publisher
from streams.process import end_process
from streams.settings import Settings, config_hash
from streams.training.feed import ModelFeed
from streams.training.learner import ExamplesLearner

log = logs.logger(__name__)


class WorkerApp(faust.App):
    """Faust's app, that knows the model before it reads the first event, and ends by a crash.

    Faust itself would wait for its parts to stop, and end with exit code 1 whatever it was.
    """

    feed: ModelFeed

    def _crash(self, reason: BaseException) -> None:
        if self.should_stop:  # whatever breaks while everything ends is no news
            super()._crash(reason)
        else:
            end_process(reason)

    def _create_directories(self) -> None:
        """None: a worker writes to no file, so a disk that is full is not its matter."""

    def on_rebalance_start(self) -> None:
        """Hurry: the broker is asked a good deal until everybody goes on."""
        super().on_rebalance_start()
        _consumer(self).fetch_within(ASKING_MS)

    def on_rebalance_end(self) -> None:
        """Wait for records as usual."""
        super().on_rebalance_end()
        _consumer(self).fetch_within(FETCH_MS)

    async def on_first_start(self) -> None:
        """Read the model's topic to its end, then start as Faust does."""
        await self.feed.start()
        await super().on_first_start()


def create(settings: Settings) -> WorkerApp:
    """A worker's app: agents, state, checkpoints, model and pages, bound and not yet started."""
    require_seams()
    app = _faust(settings)
    app.transport = ColumnarTransport(app.conf.broker_consumer, app)
    app.transport.fail = end_process
    outputs = OutputTopics(settings.topics.prefix)
    metrics = Metrics(CollectorRegistry())
    metrics.build.info(
        {
            "version": version("offbeat"),
            "config_hash": config_hash(settings),
            "clock": settings.clock,
        }
    )
    state_of_health = health.Health(settings.stall_seconds, time.monotonic())
    feed = app.feed = ModelFeed(client_options(settings), outputs.model, FEATURES, end_process)
    observer = Observer(settings, metrics, state_of_health)
    owner = PartitionOwner(
        settings,
        Publisher(settings, feed.scorer_at),
        observer,
        end_offset=lambda tp: _consumer(app).end_offset(tp),
        ends_now=lambda tps: _consumer(app).highwaters(*tps),
        hold=lambda tps: _hold(app, tps),
        fail=end_process,
    )
    app.transport.prepare = owner.prepare
    learner = ExamplesLearner(settings, metrics, end_process)
    _bind_topics(app, settings, owner, learner)
    _bind_lifecycle(app, settings, owner, learner, observer)
    _bind_watchdog(app, settings, owner, state_of_health)
    health.install(app, metrics, state_of_health, time.monotonic)
    console.install(
        app.web.web_app,
        settings,
        owner.seen,
        lambda: _members(app, outputs.state_changelog),
        str(app.conf.canonical_url),
    )
    log.info(
        logs.WORKER_STARTED,
        broker=settings.broker,
        group=settings.group,
        inputs=settings.topics.inputs,
        pages=f"http://{settings.web.host}:{app.conf.web_port}",
    )
    return app


def _faust(settings: Settings) -> WorkerApp:
    kafka = settings.kafka
    return WorkerApp(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.broker.split(",")],
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=kafka.session_timeout_seconds,
        broker_heartbeat_interval=kafka.heartbeat_seconds,
        # Faust wants this above the session timeout; a broker that is slower than both is down
        broker_request_timeout=kafka.session_timeout_seconds + 30.0,
        # a message is a whole fetch, megabytes each
        stream_buffer_maxsize=16,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        consumer_max_fetch_size=kafka.fetch_partition_bytes,
        consumer_auto_offset_reset="earliest",
        store="memory://",
        # Faust wants the name of a folder, which shows in the process's title: it is not made
        datadir=settings.data_dir or Path(f"offbeat-{settings.group}"),
        topic_partitions=settings.topics.partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,
        TableManager=Tables,
        key_serializer="raw",
        value_serializer="raw",
        **health.web_options(settings.web),
    )


def pause(every: float, took: float, *, behind: bool = False) -> float:
    """Seconds to wait after a checkpoint that took so long, for one to begin `every` so often.

    What fell due waits for the next one. A slow one is followed by half as long a pause, of at most
    half of `every`: a broker under load is not to be kept busy with transactions alone. `behind` a
    backlog, where whatever is published is late anyway, it is twice as long, of at most four times
    `every`: a row that changes again meanwhile is written once.

    >>> pause(0.5, 0.125), pause(0.5, 0.375), pause(0.5, 2.0), pause(0.5, 0.375, behind=True)
    (0.375, 0.1875, 0.25, 0.75)
    """
    rest = min(2.0 * took, 4.0 * every) if behind else 0.5 * min(took, every)
    return max(every - took, rest)


def _bind_topics(
    app: faust.App, settings: Settings, owner: PartitionOwner, learner: ExamplesLearner
) -> None:
    def generation() -> int:
        return cast(int, app.consumer_generation_id)

    def agent(name: str, function: agents.Agent) -> None:
        raw = app.topic(
            name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        app.agent(raw, name=name)(function)

    outputs = OutputTopics(settings.topics.prefix)
    for source, name in zip(Input, settings.topics.inputs, strict=True):
        agent(name, agents.take_input(source, owner, generation))
    if settings.topics.customers:
        agent(settings.topics.customers, agents.take_customers(owner, generation))
    agent(outputs.examples, agents.take_examples(learner, generation))
    app.tables.add(
        ChangelogTable(
            app,
            topic=outputs.state_changelog,
            partitions=settings.topics.partitions,
            owner=owner,
            follower=learner,
        )
    )


def _bind_lifecycle(
    app: WorkerApp,
    settings: Settings,
    owner: PartitionOwner,
    learner: ExamplesLearner,
    observer: Observer,
) -> None:
    @app.on_partitions_revoked.connect
    async def revoked(*_: object, **__: object) -> None:
        await owner.last_checkpoint()
        await learner.last_checkpoint()

    @app.on_before_shutdown.connect
    async def shutdown(*_: object, **__: object) -> None:
        await owner.stop()
        await learner.stop()
        await app.feed.stop()

    @app.task
    async def checkpoints() -> None:
        took = 0.0
        while not app.should_stop:
            behind = _consumer(app).is_behind
            await app.sleep(pause(settings.checkpoint_seconds, took, behind=behind))
            begun = time.monotonic()
            await owner.checkpoint()
            await learner.checkpoint()
            observer.knows(app.feed.newest, app.feed.proposal)
            took = time.monotonic() - begun


def _bind_watchdog(
    app: WorkerApp, settings: Settings, owner: PartitionOwner, state: health.Health
) -> None:
    ends = LogEnds(client_options(settings))
    watchdog = Watchdog(settings.stall_seconds, owner.work, ends, state, end_process)

    @app.task
    async def watch() -> None:
        while not app.should_stop:
            await app.sleep(watchdog.pause)
            if not app.should_stop:
                await watchdog.look()
        await ends.stop()


def _members(app: faust.App, changelog: str) -> Mapping[str, Sequence[int]]:
    """Partitions by the address of a worker's pages, as the group's leader has told everybody."""
    found = app.assignor.table_metadata(changelog)
    return {str(pages): topics.get(changelog, []) for pages, topics in found.items()}


def _consumer(app: faust.App) -> ColumnarConsumer:
    return cast(ColumnarConsumer, app.consumer)


def _hold(app: faust.App, tps: set[TP]) -> None:
    _consumer(app).held = tps
