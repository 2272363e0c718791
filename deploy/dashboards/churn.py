"""For whoever acts on alerts: who leaves, who returns, and where it burns."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.dashboards.panels import Panels, Query, bars, figure, lines, named, with_row

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = tuple(f"{month:02}" for month in range(1, 13))


def churn() -> Dashboard:
    """The dashboard."""
    board = named(
        "offbeat-churn",
        "offbeat: churn",
        "Customers: who leaves, who returns, what is at risk and where. Shares are of a window of "
        "wall time: while history is read they say nothing.",
        "now-30d",
    )
    with_row(board, "Thirty days", _month())
    with_row(board, "Over time", _over_time())
    with_row(board, "At risk now", _at_risk())
    with_row(board, "Episodes", _episodes())
    with_row(board, "Seasons", _seasons())
    return board


def _share(title: str, description: str, name: str) -> Panels:
    return (
        figure(title, description, f'max(offbeat:{name}:ratio30d{{job=~"$job"}})', "percentunit"),
    )


def _month() -> Panels:
    return (
        *_share(
            "Gross churn",
            "Of the customers who were not given up, how many were in 30 days.",
            "gross_churn",
        ),
        *_share("Net churn", "Less those who came back after they were given up.", "net_churn"),
        *_share("Retention", "1 less gross churn.", "retention"),
        *_share("Reactivation", "Of those who are given up, how many came back.", "reactivation"),
        *_share(
            "Came back",
            "Of the episodes that ended, how many did because the customer came back.",
            "came_back",
        ),
        figure(
            "Mean lifetime",
            "From the first to the last event, of customers given up in 30 days.",
            'max(offbeat:churned_lifetime_seconds:mean30d{job=~"$job"})',
            "s",
        ),
    )


def _over_time() -> Panels:
    return (
        lines(
            "Customers",
            "By where they stand.",
            Query('sum by (state) (offbeat:customers:sum{job=~"$job"})', "{{state}}"),
            stacked=True,
        ),
        lines(
            "Churn of seven days",
            "Gross, and net of those who came back after they were given up.",
            Query('max by (job) (offbeat:gross_churn:ratio7d{job=~"$job"})', "{{job}} gross"),
            Query('max by (job) (offbeat:net_churn:ratio7d{job=~"$job"})', "{{job}} net"),
            unit="percentunit",
        ),
        lines(
            "Coming and going in seven days",
            "Customers.",
            Query('sum(offbeat:new_customers:increase7d{job=~"$job"})', "new"),
            Query('sum(offbeat:churned_customers:increase7d{job=~"$job"})', "given up"),
            Query('sum(offbeat:reactivated_customers:increase7d{job=~"$job"})', "reactivated"),
        ),
        lines(
            "Open episodes",
            "Announced, and not yet over.",
            Query('sum(offbeat_open_episodes{job=~"$job"})', "open"),
        ),
        lines(
            "Segments",
            "Customers by segment.",
            Query('sum by (segment) (offbeat_segment_customers{job=~"$job"})', "{{segment}}"),
            stacked=True,
        ),
    )


def _at_risk() -> Panels:
    at_risk, value = "offbeat_at_risk_customers", "offbeat_value_at_risk"
    return (
        bars(
            "Customers at risk, by segment",
            "An announced episode is open.",
            Query(f'sum by (segment) ({at_risk}{{job=~"$job"}})', "{{segment}}"),
        ),
        bars(
            "Value at risk, by segment",
            "What they would spend if they came back.",
            Query(
                f'sum by (segment, currency) ({value}{{job=~"$job"}})', "{{segment}}, {{currency}}"
            ),
        ),
        bars(
            "Customers at risk, by cause",
            "The strongest cause of each.",
            Query(f'sum by (reason) ({at_risk}{{job=~"$job"}})', "{{reason}}"),
        ),
        bars(
            "Value at risk, by cause",
            "What they would spend if they came back.",
            Query(
                f'sum by (reason, currency) ({value}{{job=~"$job"}})', "{{reason}}, {{currency}}"
            ),
        ),
        bars(
            "Hot spots",
            "The ten largest sums at risk, by segment and cause.",
            Query(
                f'topk(10, sum by (segment, reason, currency) ({value}{{job=~"$job"}}) > 0)',
                "{{segment}}, {{reason}}, {{currency}}",
            ),
            width=24,
        ),
    )


def _episodes() -> Panels:
    return (
        lines(
            "Episodes a day",
            "By what became of them.",
            Query(
                'sum by (status) (increase(offbeat_episodes_total{job=~"$job"}[1d]))', "{{status}}"
            ),
        ),
        lines(
            "Opened a day, by cause",
            "The strongest cause of each.",
            Query(
                "sum by (reason) "
                '(increase(offbeat_episodes_total{job=~"$job", status="opened"}[1d]))',
                "{{reason}}",
            ),
            stacked=True,
        ),
        lines(
            "Lost a day, by best segment",
            "Episodes that ended as churned, by the best segment the customer has been in.",
            Query(
                "sum by (best_segment) "
                '(increase(offbeat_episodes_total{job=~"$job", status="expired"}[1d]))',
                "{{best_segment}}",
            ),
            stacked=True,
        ),
        lines(
            "Announced a day, by severity",
            "Alerts opened.",
            Query(
                "sum by (severity) "
                '(increase(offbeat_alerts_total{job=~"$job", status="opened"}[1d]))',
                "{{severity}}",
            ),
            stacked=True,
        ),
        lines(
            "Held back a day",
            "Episodes that were not announced, by why.",
            Query(
                'sum by (reason) (increase(offbeat_held_back_total{job=~"$job"}[1d]))', "{{reason}}"
            ),
        ),
        lines(
            "Moves between segments a day",
            "Customers.",
            Query(
                "sum by (before, after) (increase(offbeat_segment_transitions_total"
                '{job=~"$job", before!="unseen", after!="unseen"}[1d]))',
                "{{before}} → {{after}}",
            ),
        ),
    )


def _seasons() -> Panels:
    def season(label: str, values: tuple[str, ...]) -> tuple[Query, ...]:
        return tuple(
            Query(
                f'sum(offbeat_season_episodes_total{{job=~"$job", status="opened", '
                f'{label}="{value}"}})',
                value,
            )
            for value in values
        )

    when = "Episodes opened since the workers started, by their own time in the shop's zone."
    return (
        bars("By day of the week", when, *season("weekday", WEEKDAYS)),
        bars("By month", when, *season("month", MONTHS)),
    )
