"""Prefect flows: each file chains tasks and reads as a story."""
