"""Simulated campaigns of several rounds on a benchmark problem."""
