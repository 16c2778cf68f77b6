"""Stages keyed by content, and what they hold."""
