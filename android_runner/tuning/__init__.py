"""Tuning: measures what kernels may be built with, and keeps what was found."""
