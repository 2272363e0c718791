"""How the online model is taught, kept and shared among workers."""
