"""What an observation did, as bits: the signals tell the engine, which does the rest."""

NOTHING = 0
RETURNED = 1  # it ends the silence that decides for this customer
BOUGHT = 2  # it is the latest purchase: the next episode is another one
TROUBLED = 4  # it is the latest trouble
SAID = 8  # a decision was made of it
LEARNT = 16  # an example was
