"""A planned network as plain C: tables, kernels and weights in one object, and a small runtime beside it."""
