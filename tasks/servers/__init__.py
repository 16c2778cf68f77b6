"""Prefect and MLflow servers, workers, deployments, and commands without a server."""
