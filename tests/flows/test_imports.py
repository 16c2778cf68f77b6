"""What a server or a worker loads that only wants to know which flows there are."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys
import flows.benchmark, flows.campaign, flows.counterfactual, flows.generate, flows.learning
import flows.measure, flows.train, tasks.inputs.campaign_config
heavy = ["torch", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "mlflow", "matplotlib"]
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def test_flow_modules_load_no_numerical_library():
    """Prefect itself is most of the time that they take, which no clock has to show."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
