"""Devices: the host, phones over ADB, the emulated phone; running, verifying and timing on them."""
