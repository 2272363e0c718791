"""Security on the real broker: log-ins, certificates, permissions."""
