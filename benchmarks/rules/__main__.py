"""Each rule of docs/rules.md is taken out of a copy of the code: do its tests notice?

A test that passes without the rule that it is to hold proves nothing. So the tests must pass as
the code is; then, one rule at a time, the text that keeps it is replaced, and each of its tests
has to fail, by an assertion or by the error that is documented, within its time.

    python -m benchmarks.rules [--quick] [--only C1 T3] [--page]

`--quick` takes each rule out once, in a way that needs no broker, if there is one. `--page` prints
docs/rules.md.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.rules import bad_records, checkpoint, libraries, order
from benchmarks.rules import console as looking
from benchmarks.rules.page import page
from benchmarks.rules.rule import Cut, Rule, misfits
from benchmarks.rules.tree import ROOT, Tree, copied, for_the_right_reason
from streams.figures import write_figures
from streams.kafka.broker import bootstrap

RULES = (
    *libraries.RULES,
    *checkpoint.RULES,
    *order.RULES,
    *bad_records.RULES,
    *looking.RULES,
)
console = Console(stderr=True)


class Taken(NamedTuple):
    """What came of one cut; `missed` says which tests did not notice, and how."""

    rule: Rule
    cut: Cut
    missed: tuple[str, ...]
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="once each, and without a broker")
    parser.add_argument("--only", nargs="+", metavar="RULE", help="these alone")
    parser.add_argument("--page", action="store_true", help="print docs/rules.md")
    given = parser.parse_args()
    if given.page:
        print(page(RULES), end="")
        return
    if wrong := list(misfits(RULES, ROOT)):
        sys.exit("The catalogue does not fit the code:\n" + "\n".join(wrong))
    chosen = [
        (rule, cut)
        for rule in RULES
        if not given.only or rule.name in given.only
        for cut in (_without_broker(rule) if given.quick else rule.cuts)
    ]
    started = time.monotonic()
    with ExitStack() as stack:
        environment: dict[str, str] = {}
        if any(cut.needs_broker for _, cut in chosen):
            environment["OFFBEAT_BROKER"] = stack.enter_context(bootstrap(None))
        tree = stack.enter_context(copied())
        _as_it_is(tree, [cut for _, cut in chosen], environment)
        taken = [
            _take_out(tree, rule, cut, environment, f"{i} of {len(chosen)}")
            for i, (rule, cut) in enumerate(chosen, 1)
        ]
    _report(taken, time.monotonic() - started, quick=given.quick)
    sys.exit(any(one.missed for one in taken))


def _without_broker(rule: Rule) -> Sequence[Cut]:
    return [cut for cut in rule.cuts if not cut.needs_broker][:1]


def _as_it_is(tree: Tree, cuts: Sequence[Cut], environment: Mapping[str, str]) -> None:
    """All tests pass before anything is taken out, compiled or not as they will run."""
    for uncompiled in (False, True):
        nodes = {
            node: None
            for cut in cuts
            if cut.within_kernel((tree.root / cut.file).read_text()) is uncompiled
            for node in cut.nodes
        }
        if nodes:
            console.print(f"As the code is: {len(nodes)} tests …")
            told = tree.run([*nodes], environment, uncompiled=uncompiled)
            if failed := [f"{node}: {out.why}" for node, out in told.items() if not out.passed]:
                sys.exit("These fail before anything is taken out:\n" + "\n".join(failed))


def _take_out(
    tree: Tree, rule: Rule, cut: Cut, environment: Mapping[str, str], place: str
) -> Taken:
    since = time.monotonic()
    with tree.without(cut) as uncompiled:
        told = tree.run(cut.nodes, environment, uncompiled=uncompiled)
    missed = tuple(
        f"{node}: {out.why.partition(chr(10))[0] or 'passes all the same'}"
        for node, out in told.items()
        if not for_the_right_reason(out, cut)
    )
    one = Taken(rule, cut, missed, time.monotonic() - since)
    verdict = "[red]not noticed" if missed else "noticed"
    console.print(f"{place}: {rule.name} out of {cut.file}: {verdict}, {one.seconds:.0f} s")
    for line in missed:
        console.print(f"    {line}", markup=False)
    return one


def _report(taken: Sequence[Taken], seconds: float, *, quick: bool) -> None:
    table = Table("rule", "says", "ways out", "noticed", "tests")
    rules = {one.rule.name: one.rule for one in taken}
    held = 0
    for name, rule in rules.items():
        mine = [one for one in taken if one.rule.name == name]
        noticed = sum(not one.missed for one in mine)
        held += noticed == len(mine)
        tests = {node for one in mine for node in one.cut.nodes}
        table.add_row(name, rule.says, str(len(mine)), str(noticed), str(len(tests)))
    console.print(table)
    figures = {
        "rules": len(rules),
        "rules_held": held,
        "ways_out": len(taken),
        "ways_out_noticed": sum(not one.missed for one in taken),
        "tests": len({node for one in taken for node in one.cut.nodes}),
        "catalogue_rules": len(RULES),
        "catalogue_ways_out": sum(len(rule.cuts) for rule in RULES),
        "quick": int(quick),
        "seconds": seconds,
    }
    write_figures("rules", figures)


if __name__ == "__main__":
    main()
