"""Bitserial and float convolution kernels: definitions, schedules per instruction set, references."""
