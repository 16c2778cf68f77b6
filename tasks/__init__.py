"""Prefect tasks: files, tracking and persistence around one library call each."""
