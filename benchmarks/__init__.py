"""Side-by-side measurements against peers and against the limits of the hardware."""
