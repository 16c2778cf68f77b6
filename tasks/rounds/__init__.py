"""The work of one round: train, generate, score, choose, lay out."""
