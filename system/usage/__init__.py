"""How much agents are used: events come in once, are added up by day, and are read from those sums alone."""
