"""Run the benchmarks and print one table: `python -m bench [name …]`.

A benchmark is a module `bench/<name>.py` with `measure(scale: float) -> Result | list[Result]`. Each runs in a process
of its own, so that its peak memory is its own; results go to bench/results/<name>.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from bench.result import Result, table

FOLDER = Path(__file__).parent
NOT_BENCHMARKS = {"__init__", "__main__", "stack", "database", "result", "company", "large", "leaving", "sink"}


def names() -> list[str]:
    """Every benchmark, by module name."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_BENCHMARKS)


def main(asked: list[str]) -> int:
    """Run those asked for, or all; 1 when one of them failed."""
    if unknown := set(asked) - set(names()):
        print(f"No benchmark {', '.join(sorted(unknown))}; there are {', '.join(names()) or 'none'}.", file=sys.stderr)
        return 2
    codes = [
        subprocess.run([sys.executable, "-m", "bench", "--one", name], check=False).returncode
        for name in asked or names()
    ]
    print(table(read_results(asked or names())))
    return 1 if any(codes) else 0


def read_results(wanted: list[str]) -> list[Result]:
    """The latest results of these benchmarks; one that never succeeded is left out."""
    files = [FOLDER / "results" / f"{name}.json" for name in wanted]
    return [Result(**entry) for file in files if file.is_file() for entry in json.loads(file.read_text())]


def run_one(name: str) -> None:
    """Measure in this process and write the results."""
    print(f"› {name} …", flush=True)
    measured = import_module(f"bench.{name}").measure(float(os.environ.get("BENCH_SCALE") or 1))
    results = measured if isinstance(measured, list) else [measured]
    (FOLDER / "results").mkdir(exist_ok=True)
    content = json.dumps([result.as_dict() for result in results], indent=2)
    (FOLDER / "results" / f"{name}.json").write_text(content + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:]))
