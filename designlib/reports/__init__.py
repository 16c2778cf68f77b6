"""Figures and the report of a round: data in, PNG bytes and one HTML page out."""
