"""Colab, with a stand-in for its module: Colab itself cannot be run here."""

import os
import subprocess
import sys

OUTPUT = """
from types import SimpleNamespace
calls = []
_widgets = SimpleNamespace(_installed_url="https://widgets.example")
def enable_custom_widget_manager():
    calls.append("enabled")
"""
PROGRAM = """
import sys
import nbtrack
nbtrack.start(store="memory")
assert "google.colab.output" not in sys.modules
data, metadata = nbtrack.monitor()._repr_mimebundle_()
from google.colab import output
print(output.calls, metadata)
nbtrack.stop()
"""


def test_the_monitor_switches_on_the_manager_of_custom_widgets(tmp_path):
    package = tmp_path / "google" / "colab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "output.py").write_text(OUTPUT)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NBTRACK_HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "['enabled']" in ran.stdout
    assert "https://widgets.example" in ran.stdout
