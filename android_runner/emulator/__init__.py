"""The emulated phone: an ADB daemon whose shell runs arm64 programs under qemu-user on a chosen core."""
