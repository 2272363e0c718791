"""What all dashboards are made of: one data source, a choice of jobs, and three kinds of panels."""

from typing import NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery as Answer
from grafana_foundation_sdk.models import common as choices
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

SOURCE = DataSourceRef("prometheus", "prometheus")  # as deploy/grafana/provisioning names it
FULL_WIDTH = 24
BAD, GOOD = "red", "green"

Panels = tuple[Builder[Panel], ...]


class Query(NamedTuple):
    """What is asked of Prometheus, and what a series of the answer is called."""

    expr: str
    legend: str = ""


def named(uid: str, title: str, description: str, since: str) -> dashboard.Dashboard:
    """An empty dashboard, of the jobs that are chosen, from `since` until now."""
    jobs = (
        dashboard.QueryVariable("job")
        .label("Deployment")
        .datasource(SOURCE)
        .query("label_values(offbeat_build_info, job)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".+")
    )
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["offbeat"])
        .timezone("browser")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh("1m")
        .with_variable(jobs)
        .link(
            dashboard.DashboardLink("offbeat")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["offbeat"])
            .keep_time(True)
            .include_vars(True)
        )
    )


def with_row(into: dashboard.Dashboard, title: str, panels: Panels) -> None:
    """Add a row of panels under a heading."""
    into.with_row(dashboard.Row(title))
    for panel in panels:
        into.with_panel(panel)


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 12,
    most: float | None = None,
    stacked: bool = False,
) -> timeseries.Panel:
    """Curves over time; above `most`, where that is given, is bad."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .axis_soft_min(0)
        .height(8)
        .span(width)
        .legend(common.VizLegendOptions().show_legend(True))
        .tooltip(common.VizTooltipOptions().mode(choices.TooltipDisplayMode.MULTI))
        .targets(_targets(queries))
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(choices.StackingMode.NORMAL)).fill_opacity(20)
    if most is not None:
        style = common.GraphThresholdsStyleConfig().mode(choices.GraphThresholdsStyleMode.LINE)
        panel.thresholds(_above(most, BAD)).thresholds_style(style)
    return panel


def figure(
    title: str,
    description: str,
    expr: str,
    unit: str = "short",
    *,
    width: int = 4,
    most: float | None = None,
) -> stat.Panel:
    """The newest value; above `most`, where that is given, is bad."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .height(4)
        .span(width)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(choices.BigValueGraphMode.AREA)
        .targets(_targets((Query(expr, title),)))
    )
    return panel.thresholds(_above(most, BAD) if most is not None else _above(None, BAD))


def bars(
    title: str, description: str, *queries: Query, unit: str = "short", width: int = 12
) -> bargauge.Panel:
    """How much of each there is now."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .height(8)
        .span(width)
        .min(0)
        .orientation(choices.VizOrientation.HORIZONTAL)
        .display_mode(choices.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_above(None, BAD))
        .targets(_targets(queries, instant=True))
    )


def _above(most: float | None, color: str) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color=GOOD)]
    if most is not None:
        steps.append(Threshold(value=most, color=color))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _targets(queries: tuple[Query, ...], *, instant: bool = False) -> list[Builder[Answer]]:
    made: list[Builder[Answer]] = []
    for number, (expr, legend) in enumerate(queries):
        one = Dataquery().expr(expr).legend_format(legend).ref_id(chr(ord("A") + number))
        made.append((one.instant() if instant else one.range()).datasource(SOURCE))
    return made
