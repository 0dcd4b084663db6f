"""Scores of outputs as NumPy arrays: one implementation for PyTorch, the host and a device."""
