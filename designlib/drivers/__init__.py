"""Drivers walk a ladder with a kernel and yield snapshots of their chains."""
