"""Whoever is on call can rely on it: rules, dashboards and routes on a real Prometheus.

The rules' own tests first, by promtool; then Prometheus, as it is deployed but for addresses and
pace, scrapes a worker under load, evaluates every rule, answers every panel of every dashboard, and
has Alertmanager call a receiver when records are broken and when the worker ends.
"""
