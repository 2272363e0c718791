"""How fast, how large, how soon: `make bench`."""
