"""Resolve nbtrack together with popular packages, and write the result into the page on platforms.

Run it by hand with ``python docs/stacks.py`` where `uv` is installed: it asks the package index. For each package it resolves the newest
version alone, then together with ``nbtrack[all]``; the two fit if the version stays the same.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "pages" / "reference" / "platforms.md"
PYTHON = "3.12"
PACKAGES = (
    *("jupyterlab", "notebook", "jupyterhub", "marimo", "papermill", "streamlit", "panel", "plotly"),
    *("polars", "dask", "pyspark", "ray", "geopandas", "scikit-learn", "datasets"),
    *("ibis-framework[duckdb]", "dbt-duckdb", "sqlmesh", "great-expectations", "mlflow", "wandb"),
    *("apache-airflow", "dagster", "prefect", "kedro", "snowflake-snowpark-python", "google-cloud-bigquery"),
)


def resolve(*requirements: str) -> dict[str, str] | str:
    """Return the versions that requirements resolve to, by package, or the reason why they do not."""
    command = [
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--no-annotate",
        "--python-version",
        PYTHON,
        "-",
    ]
    done = subprocess.run(  # noqa: S603 - a fixed command
        command, input="\n".join(requirements), capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode:
        return " ".join(done.stderr.split())
    pairs = (line.split(" ")[0].partition("==") for line in done.stdout.splitlines() if "==" in line)
    return {name: version for name, _, version in pairs}


def describe(package: str) -> str:
    """Return a row of the table."""
    name = package.partition("[")[0]
    alone, together = resolve(package), resolve(package, f"nbtrack[all] @ file://{ROOT}")
    if isinstance(alone, str):
        return f"| {package} | | not resolved on Python {PYTHON} |"
    newest = alone[name]
    if isinstance(together, str):
        return f"| {package} | {newest} | conflict: {re.sub('file://[^ ]+', 'nbtrack', together)[:200]} |"
    pins = ", ".join(
        f"{other} {together[other]}"
        for other in ("pandas", "pyarrow", "duckdb", "ipython")
        if other in together
    )
    if together[name] != newest:
        return f"| {package} | {newest} | only {together[name]}, with {pins} |"
    return f"| {package} | {newest} | fits, with {pins} |"


def main() -> None:
    """Write the table between the markers of the page."""
    rows = []
    for package in PACKAGES:
        rows.append(describe(package))
        sys.stderr.write(f"{rows[-1]}\n")
    table = "\n".join(["| Package | Newest version | With `nbtrack[all]` |", "| --- | --- | --- |", *rows])
    text = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- stacks -->\n", "\n<!-- end of stacks -->"
    head, _, rest = text.partition(begin)
    PAGE.write_text(f"{head}{begin}{table}{end}{rest.partition(end)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
