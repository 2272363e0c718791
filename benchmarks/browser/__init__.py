"""The console in a real browser, on a real worker; see `__main__`."""
