"""Object detection: feature pyramids, heads and decoding on a Group-Net backbone."""
