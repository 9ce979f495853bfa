"""How long `import taskkit` takes beside `import polars`: medians over fresh processes, taken in turn.

Run: uv run python benchmarks/import_cost.py [repeats]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

STATEMENTS = ("pass", "import polars", "import taskkit", "import taskkit.cli", "import taskkit; taskkit.read_log")


def main(repeats: int = 15) -> None:
    seconds: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for turn in range(repeats + 1):
        for statement in STATEMENTS:  # in turn, so that a busy moment of the machine hits all of them
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            if turn:  # the first turn only warms the disk cache
                seconds[statement].append(time.perf_counter() - started)
    medians = {statement: statistics.median(values) for statement, values in seconds.items()}
    bare, polars = medians["pass"], medians["import polars"] - medians["pass"]
    print(f"{'statement':36} {'median s':>9} {'over bare Python':>17} {'times polars':>13}   n = {repeats}")
    for statement, median in medians.items():
        print(f"{statement:36} {median:9.3f} {median - bare:17.3f} {(median - bare) / polars:13.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
