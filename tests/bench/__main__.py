"""`make bench`: every bench in turn, one table each; `--write` keeps them for the documentation's page on performance."""

import argparse
import importlib
import json
import os
import platform
import time
from pathlib import Path

PARTS = ("tracker", "delivery", "collector", "notebook", "backfill")
FILE = Path(__file__).parents[2] / "docs" / "benchmarks.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    arguments = parser.parse_args()
    # an installed package has its bytecode; without it a checkout is compiled anew in each process
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    found: dict[str, dict[str, float]] = {}
    for part in arguments.parts:
        started = time.perf_counter()
        found[part] = importlib.import_module(f"tests.bench.{part}").measure()
        print(f"\n{part} ({time.perf_counter() - started:.0f} s)")
        for name, value in found[part].items():
            print(f"  {name:60} {value:14,.3f}")
    if arguments.write:
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        FILE.write_text(json.dumps({"machine": machine, "parts": found}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
