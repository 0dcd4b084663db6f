"""What a tuner may choose: the requests for kernels of a network, and the space of each."""
