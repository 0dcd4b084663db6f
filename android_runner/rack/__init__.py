"""A rack of phones: a tracker, agents that offer phones through it, and a measurer that uses all of a key."""
