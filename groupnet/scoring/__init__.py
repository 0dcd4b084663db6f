"""Scoring on devices: images are handed out, answers are kept as they come, and held against PyTorch's."""
