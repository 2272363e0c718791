"""From evidence to a verdict: risk, episodes, reasons."""
