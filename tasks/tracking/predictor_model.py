"""The registered predictor as MLflow loads it: code and safetensors, no pickle."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from designlib.predictors import evaluate, network_at, state_from_bytes


class EnsemblePredictor(PythonModel):
    """Mean prediction of an ensemble, in the units of the measurement."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the members' final checkpoints."""
        paths = sorted(context.artifacts.items())
        self.members = [state_from_bytes(Path(path).read_bytes()) for _, path in paths]

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride] - the base is untyped
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: object = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Return the column ``predicted`` for the sequences in the column ``design``.

        Further objectives follow as ``predicted_NAME``.
        """
        predictions: dict[str, list[torch.Tensor]] = {}
        for state, spec in self.members:
            letters = spec.space.encode(model_input["design"].tolist())
            scores = evaluate(network_at(spec, state), spec.space.relax(letters))
            name = f"predicted_{spec.column}" if spec.column else "predicted"
            predictions.setdefault(name, []).append(spec.in_units(scores.double()))
        means = {name: torch.stack(rows).mean(0).numpy() for name, rows in predictions.items()}
        return pd.DataFrame(dict(sorted(means.items())))


set_model(EnsemblePredictor())
