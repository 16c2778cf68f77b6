"""MLflow: runs, metrics, artifacts, registered models. Nothing else imports mlflow."""
