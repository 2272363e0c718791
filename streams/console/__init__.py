"""The console: pages about customers on the worker's own web server (docs/console.md)."""
