"""What labels the answer to a PromQL expression has, from those of the metrics in it.

Raises AssertionError, which says where, for what Prometheus would answer with nothing: a metric or
label that does not exist, a match of series that have different labels.
"""

from collections.abc import Iterator, Mapping

import promql_parser as promql

Labels = frozenset[str]


class Known:
    """The labels of every metric there is, recorded ones included."""

    def __init__(self, metrics: Mapping[str, Labels]) -> None:
        self._metrics = metrics

    def labels(self, text: str) -> Labels | None:
        """Of the answer to `text`; None for a number."""
        # what Grafana fills in when it asks
        return self._of(promql.parse(text.replace("$__rate_interval", "1m")))

    def _of(self, expr: promql.Expr) -> Labels | None:
        match expr:
            case promql.VectorSelector():
                return self._selected(expr)
            case promql.MatrixSelector():
                return self._selected(expr.vector_selector)
            case promql.AggregateExpr():
                return self._aggregated(expr)
            case promql.Call():
                return self._called(expr)
            case promql.BinaryExpr():
                return self._matched(expr)
            case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
                return self._of(expr.expr)
            case promql.NumberLiteral():
                return None
        raise AssertionError(f"{expr.prettify()}: no rule says what labels this has")

    def _selected(self, selector: promql.VectorSelector) -> Labels:
        name = str(selector.name)
        assert name in self._metrics, f"there is no metric {name}"
        labels = self._metrics[name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels, f"{name} has no label {matcher.name}"
        return labels

    def _aggregated(self, expr: promql.AggregateExpr) -> Labels:
        inner = self._vector(expr.expr)
        if expr.modifier is None:
            return inner if expr.param is not None else frozenset()
        by = frozenset(expr.modifier.labels)
        assert expr.modifier.type == promql.AggModifierType.By, expr.prettify()
        assert by <= inner, (
            f"{expr.prettify()}: {sorted(by - inner)} are no labels of what is in it"
        )
        return by

    def _called(self, expr: promql.Call) -> Labels | None:
        name, vectors = expr.func.name, [self._of(argument) for argument in expr.args]
        if name in ("absent", "vector"):
            return frozenset()
        (labels,) = [found for found in vectors if found is not None]
        if name != "histogram_quantile":
            return labels
        assert "le" in labels, f"{expr.prettify()}: le is not there"
        return labels - {"le"}

    def _matched(self, expr: promql.BinaryExpr) -> Labels | None:
        left, right = self._of(expr.lhs), self._of(expr.rhs)
        if left is None or right is None:
            return left if right is None else right
        modifier = expr.modifier
        if modifier is None or modifier.matching is None:
            assert left == right, f"{expr.prettify()}: {sorted(left)} never match {sorted(right)}"
            return left
        on = frozenset(modifier.matching.labels)
        assert modifier.matching.type == promql.LabelModifierType.Include, expr.prettify()
        assert on <= left & right, f"{expr.prettify()}: both must have {sorted(on)}"
        # and, unless: the answer is the left side's series
        assert modifier.card == promql.VectorMatchCardinality.ManyToMany, expr.prettify()
        return left

    def _vector(self, expr: promql.Expr) -> Labels:
        labels = self._of(expr)
        assert labels is not None, f"{expr.prettify()} is a number"
        return labels


def selectors(text: str) -> Iterator[tuple[str, str, str]]:
    """Metric, label and value of every `metric{label="value"}` in an expression."""
    found: list[tuple[str, str, str]] = []

    def visit(expr: promql.Expr) -> None:
        if isinstance(expr, promql.MatrixSelector):
            visit(expr.vector_selector)
        if isinstance(expr, promql.VectorSelector):
            found.extend(
                (str(expr.name), matcher.name, matcher.value)
                for matcher in expr.matchers.matchers
                if matcher.op == promql.MatchOp.Equal
            )

    promql.walk(promql.parse(text.replace("$__rate_interval", "1m")), visit)
    yield from found
