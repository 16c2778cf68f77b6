"""Sampling designs along a ladder of targets: kernels, ladders, drivers, diagnostics."""
