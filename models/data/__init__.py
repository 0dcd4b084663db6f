"""Data sets: readers of the real formats, transforms, batches, and generators of scenes in those formats."""
