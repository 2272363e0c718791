"""How a customer usually comes: the posterior over their gaps, its survival, the deadline."""
