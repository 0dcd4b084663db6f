"""Semantic segmentation: heads on a Group-Net backbone."""
