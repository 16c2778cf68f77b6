"""Sampling designs along a predictor's training trajectory: the pure library.

No orchestration, no tracking, no network and no printing happen here; see
``tasks`` for those. Import the module that holds what you need, for example
``designlib.sampling.kernels.gibbs_with_gradients``: importing this package alone is free.
"""
