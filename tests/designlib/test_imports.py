"""What importing the library costs a reader who only samples."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys
import designlib
import designlib.constraints, designlib.predictors, designlib.spaces
import designlib.sampling.drivers, designlib.sampling.kernels, designlib.sampling.ladders
import designlib.sampling.objectives, designlib.sampling.targets
heavy = ["torch._dynamo", "torch._inductor", "matplotlib", "pandas", "prefect", "mlflow", "sklearn"]
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def test_the_library_imports_no_compiler_no_plots_no_tables():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
