"""The profiles that offbeat is run with: from what lies before T0 and nothing else.

`python -m benchmarks.quality.profiles` prints what the default profile is made of.
"""

from collections.abc import Sequence
from dataclasses import replace

from rich.table import Table

from benchmarks.harness import console
from benchmarks.quality.data import cdnow, journey
from detectors.clock.value import Clock
from detectors.customer import DAY_SECONDS
from detectors.lab.engine_rows import EngineRun
from detectors.lab.fit import PARAMETERS, fit
from detectors.lab.histories import Histories
from detectors.profile import Profile
from streams.figures import write_figures


def profile_for(early: Histories, horizon: float) -> tuple[Profile, str]:
    """A profile, and where it comes from; `early` holds nothing from T0 on.

    `horizon`: within so many days alerts expect a purchase.
    """
    return replace(fit(early), horizon_days=horizon), "a profile fitted to them"


def clock_profiles(early: Histories, closed: Sequence[tuple[int, int]]) -> dict[str, Profile]:
    """By name what is compared: "off", and "on" with an operational clock.

    Its hours are what the engine has learnt from the early purchases; closed periods (first day,
    days) are given, as they are known to whoever closes. Each is fitted to gaps on its own clock.
    """
    given = Clock(
        closed=tuple(
            (early.epoch + DAY_SECONDS * first, early.epoch + DAY_SECONDS * (first + days))
            for first, days in closed
        ),
        learns=True,
    )
    run = EngineRun(early, Profile(clock=given))
    for _ in run.until(early.end):
        pass
    learnt = replace(run.state.profile_in_effect.clock, learns=False)
    return {"off": fit(early), "on": fit(early, Profile(clock=learnt))}


def main() -> None:
    """Both sets' fits before T0, the middle of each parameter on the fit's scale, the default."""
    fitted = {"CDNOW": fit(cdnow().before(182)), "Complete Journey": fit(journey().before(120))}
    table = Table("parameter", *fitted, "middle", "default", title="purchase cadence")
    figures = {}
    for one in PARAMETERS:
        values = [getattr(profile, one.field) for profile in fitted.values()]
        middle = one.outward(sum(one.inward(value) for value in values) / len(values))
        said = getattr(Profile(), one.field)
        table.add_row(one.field, *(f"{value:.4g}" for value in (*values, middle, said)))
        figures[one.field] = middle
    console.print(table)
    write_figures("profiles", figures)


if __name__ == "__main__":
    main()
