"""For whoever runs the workers: are they well, do they keep up, what comes in and goes out."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.dashboards.panels import Panels, Query, figure, lines, named, with_row

LATE = "offbeat_event_to_alert_seconds_bucket"
SILENT = "offbeat_deadline_to_alert_seconds_bucket"


def operations() -> Dashboard:
    """The dashboard."""
    board = named(
        "offbeat-operations",
        "offbeat: operations",
        "The machinery: workers, lag, checkpoints, what cannot be read, how soon alerts come.",
        "now-6h",
    )
    with_row(board, "At a glance", _glance())
    with_row(board, "What comes in", _intake())
    with_row(board, "What cannot be used", _unusable())
    with_row(board, "In time", _in_time())
    with_row(board, "Workers", _workers())
    return board


def _glance() -> Panels:
    return (
        figure(
            "Workers",
            "Processes that answer.",
            'count(offbeat_build_info{job=~"$job"})',
        ),
        figure(
            "Alerts about offbeat",
            "Rules that fire now; docs/runbooks has a page for each.",
            'count(ALERTS{alertstate="firing", alertname=~"Offbeat.+"}) or vector(0)',
            most=1,
        ),
        figure(
            "Records behind",
            "Read by nobody yet.",
            'sum(offbeat:consumer_lag:records{job=~"$job"})',
        ),
        figure(
            "Time behind",
            "Wall time less the watermark of the slowest partition.",
            'max(offbeat_watermark_lag_seconds{job=~"$job"})',
            "s",
        ),
        figure(
            "Slow checkpoints",
            "One transaction in twenty takes longer.",
            'max(offbeat:checkpoint_seconds:p95_10m{job=~"$job"})',
            "s",
            most=1,
        ),
        figure(
            "Inputs out",
            "Inputs of partitions whose silence says nothing now.",
            'sum(offbeat_source_outage{job=~"$job"})',
            most=1,
        ),
    )


def _intake() -> Panels:
    return (
        lines(
            "Events",
            "Read a second, by topic and what became of them.",
            Query(
                'sum by (topic, outcome) (offbeat:events:rate5m{job=~"$job"})',
                "{{topic}} {{outcome}}",
            ),
            unit="ops",
        ),
        lines(
            "Lag",
            "Records behind the end of the log.",
            Query('sum by (topic) (offbeat:consumer_lag:records{job=~"$job"})', "{{topic}}"),
        ),
        lines(
            "Lag in time",
            "How long it takes to read what is there, at the rate of the last five minutes.",
            Query('max by (topic) (offbeat:consumer_lag:seconds{job=~"$job"})', "{{topic}}"),
            unit="s",
            most=600,
        ),
        lines(
            "Watermark lag",
            "Wall time less watermark. While history is read it is as old as that.",
            Query(
                'max by (partition) (offbeat_watermark_lag_seconds{job=~"$job"})',
                "partition {{partition}}",
            ),
            unit="s",
        ),
        lines(
            "Waiting for slower inputs",
            "Bytes read, and held until the partition's other inputs have come as far.",
            Query(
                'sum by (partition) (offbeat_waiting_bytes{job=~"$job"})', "partition {{partition}}"
            ),
            unit="bytes",
        ),
        lines(
            "Behind their watermark",
            "Events a second that came late; they count from then on.",
            Query(
                'sum by (topic) (rate(offbeat_late_events_total{job=~"$job"}[$__rate_interval]))',
                "{{topic}}",
            ),
            unit="ops",
        ),
    )


def _unusable() -> Panels:
    return (
        lines(
            "Dead letters",
            "A second, by topic and reason.",
            Query(
                "sum by (topic, reason) "
                '(rate(offbeat_dead_letters_total{job=~"$job"}[$__rate_interval]))',
                "{{topic}} {{reason}}",
            ),
            unit="ops",
        ),
        lines(
            "Share of dead letters",
            "Of the records of the last 15 minutes; and of the last records of the worst "
            "partition, above `dlq.limit` (half) of which its worker stops.",
            Query('max by (topic) (offbeat:dead_letters:ratio15m{job=~"$job"})', "{{topic}}"),
            Query(
                'max by (topic) (offbeat_dead_letter_ratio{job=~"$job"})', "{{topic}}, last records"
            ),
            unit="percentunit",
            most=0.25,
        ),
        lines(
            "In the wrong partition",
            "Share of events that had to be sent on to their key's partition.",
            Query('max by (topic) (offbeat:rerouted:ratio15m{job=~"$job"})', "{{topic}}"),
            unit="percentunit",
            most=0.01,
        ),
        lines(
            "Inputs that are out",
            "Partitions in which an input has collapsed, or is planned to be away.",
            Query(
                'sum by (topic, reason) (offbeat_source_outage{job=~"$job"})',
                "{{topic}} {{reason}}",
            ),
        ),
        lines(
            "Unknown fields",
            "Fields a second that no contract names, in a sample of one event in 512.",
            Query(
                "sum by (topic) "
                '(rate(offbeat_unknown_fields_total{job=~"$job"}[$__rate_interval]))',
                "{{topic}}",
            ),
        ),
        lines(
            "Erased",
            "Customers erased in the last day.",
            Query('sum(increase(offbeat_erasures_total{job=~"$job"}[1d]))', "customers"),
        ),
    )


def _quantiles(metric: str) -> tuple[Query, ...]:
    return tuple(
        Query(
            f"histogram_quantile({share}, "
            f'sum by (le) (rate({metric}{{job=~"$job"}}[$__rate_interval])))',
            f"{100 * share:g} %",
        )
        for share in (0.5, 0.95, 0.99)
    )


def _in_time() -> Panels:
    return (
        lines(
            "From an event to its alert",
            "From an event's effective time to the commit of what it opened or resolved.",
            *_quantiles(LATE),
            unit="s",
            most=5,
        ),
        lines(
            "Alerts that were late",
            "Share that came later than 5 s after their event; 1 % is promised over a month.",
            *(
                Query(
                    f'max by (job) (offbeat:event_to_alert_late:ratio{window}{{job=~"$job"}})',
                    f"{{{{job}}}}, {window}",
                )
                for window in ("1h", "6h", "3d")
            ),
            unit="percentunit",
            most=0.01,
        ),
        lines(
            "From a deadline to its alert",
            "Silence: the allowed lateness (60 s unless set) is part of it.",
            *_quantiles(SILENT),
            unit="s",
        ),
        lines(
            "Alerts",
            "Committed in an hour, by status.",
            Query(
                'sum by (status) (increase(offbeat_alerts_total{job=~"$job"}[1h]))', "{{status}}"
            ),
        ),
    )


def _workers() -> Panels:
    return (
        lines(
            "Checkpoints",
            "One transaction, from its begin to its commit.",
            *_quantiles("offbeat_checkpoint_seconds_bucket"),
            unit="s",
            most=1,
        ),
        lines(
            "Fetches",
            "Decode and apply one fetch of one input.",
            *_quantiles("offbeat_batch_seconds_bucket"),
            unit="s",
        ),
        lines(
            "Recovery",
            "Partitions whose state is not yet whole, and records a second that are read back.",
            Query('sum by (instance) (offbeat_recovering_partitions{job=~"$job"})', "{{instance}}"),
            Query(
                'sum(rate(offbeat_restored_records_total{job=~"$job"}[$__rate_interval]))',
                "records a second",
            ),
        ),
        lines(
            "How long recoveries took",
            "From the assignment of a partition to its state being whole.",
            *_quantiles("offbeat_recovery_seconds_bucket"),
            unit="s",
        ),
        lines(
            "Rebalances and starts",
            "In the last hour, by worker.",
            Query(
                'sum by (instance) (increase(offbeat_rebalances_total{job=~"$job"}[1h]))',
                "{{instance}} rebalances",
            ),
            Query(
                'sum by (instance) (changes(process_start_time_seconds{job=~"$job"}[1h]))',
                "{{instance}} starts",
            ),
        ),
        lines(
            "Processor",
            "Cores in use; a worker uses one at most.",
            Query('rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval])', "{{instance}}"),
        ),
        lines(
            "Memory",
            "Of the process, and of that its rows and their index.",
            Query('process_resident_memory_bytes{job=~"$job"}', "{{instance}}"),
            Query(
                'sum by (instance) (offbeat_state_bytes{job=~"$job"})',
                "{{instance}} rows and index",
            ),
            unit="bytes",
        ),
        lines(
            "Customers",
            "Rows of state, by worker.",
            Query('sum by (instance) (offbeat_state_customers{job=~"$job"})', "{{instance}}"),
        ),
    )
