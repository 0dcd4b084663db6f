"""Group-Net in PyTorch: binarizers, groups, networks, data, training, and the trained zoo."""
