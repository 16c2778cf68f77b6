"""The registered predictor as MLflow loads it: code and safetensors, no pickle."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from designlib.predictors import Trajectory, state_from_bytes
from designlib.selection import Predictors


class EnsemblePredictor(PythonModel):
    """Mean prediction of an ensemble, in the units of the measurement."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the members' final checkpoints."""
        paths = [Path(path) for _, path in sorted(context.artifacts.items())]
        read = [state_from_bytes(path.read_bytes()) for path in paths]
        self.predictors = Predictors([Trajectory(spec, (state,)) for state, spec in read])

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride] - the base is untyped
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: object = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Return the column ``predicted`` for the sequences in the column ``design``.

        Further objectives follow as ``predicted_NAME``.
        """
        space = self.predictors.specs[0].space
        predicted = self.predictors.predict(space, space.encode(model_input["design"].tolist()))
        return pd.DataFrame(
            {
                f"predicted_{column}" if column else "predicted": predicted[column].mean(0)
                for column in sorted(predicted)
            }
        )


set_model(EnsemblePredictor())
