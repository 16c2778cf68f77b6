"""The benchmark: problems with known answers, methods that compete on them, and their pages."""
