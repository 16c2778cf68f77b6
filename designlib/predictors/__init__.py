"""Small predictors of a measured value and their training with a checkpoint schedule."""
