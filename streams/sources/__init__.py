"""Where events come from when no shop sends them: files, simulated customers, real baskets."""
