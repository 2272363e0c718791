"""docs/rules.md, out of the catalogue."""

from collections.abc import Sequence

from benchmarks.rules.rule import Rule

_HEAD = """\
# The rules, and the tests that hold them

Each rule was learnt from something that lost, doubled or invented events where it was missing; those of the last part
keep customers from whom they must not be shown to. `make rules` takes each of them out of a copy of the code, in every
way that is listed, and demands that the tests beside it fail. This page is
written by `python -m benchmarks.rules --page`.

"""
_PARTS = {
    "P": "## Where Faust and aiokafka need help",
    "C": "## One checkpoint is one transaction a partition",
    "T": "## Time and order",
    "B": "## Records that cannot be used",
    "S": "## Who sees customers",
}


def page(rules: Sequence[Rule]) -> str:
    """The page, as it must be in docs."""
    out = [_HEAD.rstrip("\n")]
    for letter, title in _PARTS.items():
        out += ["", title]
        for rule in rules:
            if rule.name.startswith(letter):
                out += ["", f"**{rule.name}.** {rule.says}", ""]
                tests = {node: None for cut in rule.cuts for node in cut.nodes}
                files = {cut.file: None for cut in rule.cuts}
                out += [f"Kept in {', '.join(f'`{file}`' for file in files)}; held by", ""]
                out += [f"* `{node}`" for node in tests]
    return "\n".join(out) + "\n"
