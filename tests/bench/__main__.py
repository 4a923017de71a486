"""`make bench`: every bench in turn, one table each; `--write` keeps them for the documentation's page on performance.

``python -m tests.bench delivery --against ../before -n 7`` runs the parts in this checkout and in another one in turns, and prints
the median of the ratios of the pairs: what a change of the code did to each figure, whatever the machine did meanwhile.
"""

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

PARTS = ("tracker", "delivery", "collector", "notebook", "backfill", "warehouse")
ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "benchmarks.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    parser.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="another checkout, with its own .venv"
    )
    parser.add_argument("-n", type=int, default=5, help="pairs of runs with --against (default 5)")
    arguments = parser.parse_args()
    # an installed package has its bytecode; without it a checkout is compiled anew in each process
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if arguments.against:
        for part in arguments.parts:
            compare(part, arguments.against, arguments.n)
        return
    results: dict[str, dict[str, float]] = {}
    for part in arguments.parts:
        started = time.perf_counter()
        results[part] = importlib.import_module(f"tests.bench.{part}").measure()
        print(f"\n{part} ({time.perf_counter() - started:.0f} s)")
        for name, value in results[part].items():
            print(f"  {name:60} {value:14,.3f}")
    if arguments.write:
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        FILE.write_text(json.dumps({"machine": machine, "parts": results}, indent=2) + "\n", encoding="utf-8")


def compare(part: str, other: Path, pairs: int) -> None:
    """Print each figure here and there, and the median ratio of the pairs (here to there)."""
    runs = [(run(part, ROOT), run(part, other)) for _ in range(pairs)]
    print(f"\n{part}: median of {pairs} pairs, here / there")
    for name in runs[0][0].keys() & runs[0][1].keys():
        here, there = [pair[0][name] for pair in runs], [pair[1][name] for pair in runs]
        ratios = [one / two for one, two in zip(here, there, strict=True) if two]
        ratio = statistics.median(ratios) if ratios else float("nan")
        print(
            f"  {name:60} {statistics.median(here):14,.3f} {statistics.median(there):14,.3f}  x {ratio:.3f}",
            flush=True,
        )


def run(part: str, checkout: Path) -> dict[str, float]:
    """Run one part in a checkout's own environment."""
    python = checkout / ".venv" / "bin" / "python"
    command = [str(python if python.exists() else sys.executable), "-m", "tests.bench", part]
    printed = subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, check=True, timeout=3600
    ).stdout
    rows = [line.rsplit(maxsplit=1) for line in printed.splitlines() if line.startswith("  ")]
    return {name.strip(): float(value.replace(",", "")) for name, value in rows}


if __name__ == "__main__":
    main()
