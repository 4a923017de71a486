"""Virtual environments that a test makes for itself."""

import shutil
import subprocess
import sys
from pathlib import Path


def make_environment(venv: Path) -> list[str]:
    """Make an empty virtual environment; give the command that installs into it."""
    if uv := shutil.which("uv"):
        subprocess.run(
            [uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True, timeout=120
        )
        # uv keeps what it built of this folder until pyproject.toml changes; the code has changed since
        fresh = ["--refresh-package", "nbtrack"]
        return [uv, "pip", "install", "--quiet", *fresh, "--python", str(venv / "bin" / "python")]
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=120)
    return [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet"]
