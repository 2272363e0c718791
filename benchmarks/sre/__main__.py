"""`make sre`: do rules, dashboards and alerts hold, on the programs that they are for?

See the package. Exit code 1 when anything does not.
"""

import asyncio
import sys
import time

from benchmarks.harness import console
from benchmarks.sre import checks, tools
from benchmarks.sre.run import watch
from streams.figures import write_figures


def main() -> None:
    begun = time.monotonic()
    programs = tools.find()
    faults = []
    for check in checks.everything(programs):
        console.print(f"{'fine' if check.fine else 'NOT FINE'}: {check.what}", markup=False)
        if not check.fine:
            console.print(check.said, markup=False)
            faults.append(check.what)
    written = [rule.get("alert") or rule["record"] for rule in checks.rules()]
    untested = set(written) - checks.tested()
    faults += [f"{name} has no test" for name in sorted(untested)]
    outcome = asyncio.run(watch(programs))
    faults += outcome.faults
    figures = {
        "rules": len(written),
        "rules_tested": len(written) - len(untested),
        "files_checked": len(checks.TESTS) + 3,
        **outcome.figures,
        "faults": len(faults),
        "seconds": time.monotonic() - begun,
    }
    write_figures("sre", figures)
    for fault in faults:
        console.print(f"not fine: {fault}", markup=False, soft_wrap=True)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
