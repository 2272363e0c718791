"""For whoever looks after the online model and the population's parameters."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.dashboards.panels import Panels, Query, figure, lines, named, with_row


def model() -> Dashboard:
    """The dashboard."""
    board = named(
        "offbeat-model",
        "offbeat: model",
        "The online model beside the static score, and what refits propose.",
        "now-7d",
    )
    with_row(board, "At a glance", _glance())
    with_row(board, "Learning", _learning())
    with_row(board, "Parameters of the population", _parameters())
    return board


def _glance() -> Panels:
    return (
        figure(
            "Gain",
            "Log-loss that the model saves beside the static score, nats; below 0 alerts bear the "
            "static one.",
            'max(offbeat:model_gain:nats{job=~"$job"})',
            width=6,
        ),
        figure(
            "Labels",
            "Outcomes that the model has learnt from.",
            'max(offbeat_model_labels{job=~"$job"})',
            width=6,
        ),
        figure(
            "Versions in use",
            "More than one for longer than a checkpoint: a worker does not read the model's topic.",
            'count(count by (version) (offbeat_model_info{job=~"$job"}))',
            width=6,
        ),
        figure(
            "Proposals",
            "Times that parameters of the population have been proposed.",
            'max(offbeat_proposals{job=~"$job"})',
            width=6,
        ),
    )


def _learning() -> Panels:
    return (
        lines(
            "Log-loss",
            "Of predictions made before their label was known, discounted. Lower is better.",
            Query('max by (model) (offbeat_model_log_loss{job=~"$job"})', "{{model}}"),
        ),
        lines(
            "Gain over time",
            "Static less model, nats.",
            Query('max by (job) (offbeat:model_gain:nats{job=~"$job"})', "{{job}}"),
        ),
        lines(
            "Examples and labels",
            "Examples that workers write, and labels that the trainer learns, a second.",
            Query('sum(rate(offbeat_examples_total{job=~"$job"}[$__rate_interval]))', "examples"),
            Query('sum(rate(offbeat_labels_total{job=~"$job"}[$__rate_interval]))', "labels"),
            unit="ops",
        ),
        lines(
            "Version in use",
            "Workers, by the version that they score with.",
            Query('count by (version) (offbeat_model_info{job=~"$job"})', "{{version}}"),
        ),
    )


def _parameters() -> Panels:
    return (
        lines(
            "What the newest proposal would gain",
            "How much likelier a gap of the sample is by it than by what runs, nats. From some "
            "0.05 on `offbeat fit --from-worker` is worth a look (docs/tuning.md).",
            Query('max by (job) (offbeat_proposal_gain{job=~"$job"})', "{{job}}"),
        ),
        lines(
            "Age of the newest proposal",
            "Watermark less the time up to which it knows the purchases.",
            Query(
                'max by (job) (offbeat_watermark_timestamp_seconds{job=~"$job"}) - '
                'max by (job) (offbeat_proposal_until_timestamp_seconds{job=~"$job"})',
                "{{job}}",
            ),
            unit="s",
        ),
    )
