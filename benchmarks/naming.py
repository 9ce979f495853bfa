"""How well learnt names find the planted screens of the worked example, without a rule, on seeds it was not looked at with.

uv run python benchmarks/naming.py [SEED …]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import polars as pl

import taskkit as tk
from taskkit.samples import write_sample


def main() -> None:
    """Print one line a seed: screens planted and found, rows on which they agree, time without a name, values traced."""
    print(
        "| seed | titles | true screens | found | rows of a true screen in one found | rows of a found screen from one true "
        "| time unnamed | typed copies traced | traced that are copies |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for seed in [int(text) for text in sys.argv[1:]] or [7, 11, 12, 13, 99]:
        with tempfile.TemporaryDirectory() as folder:
            root = write_sample(Path(folder), seed=seed)
            truth = pl.read_parquet(root / "truth" / "events.parquet")
            named = tk.name_activities(tk.read_log(root / "ui_log"))
        both = named.join(truth, on=["user", "session_id", "seq"])
        shown = both.drop_nulls(["true_screen", "screen"])
        pairs = shown.group_by("true_screen", "screen").len()
        together = pairs.group_by("true_screen").agg(pl.col("len").max())["len"].sum() / pairs["len"].sum()
        pure = pairs.group_by("screen").agg(pl.col("len").max())["len"].sum() / pairs["len"].sum()
        unnamed = tk.measure_naming(named).filter(named_by="unnamed")["share"].item()
        typed = both.filter((pl.col("event_type") == "text_input") & (pl.col("value_length") >= 4))
        keyed = (
            tk.list_actions(named)
            .filter(pl.col("source") == "re-keying")
            .select("user", "session_id", "action", "source")
        )
        traced = typed.join(keyed, on=["user", "session_id", "action"], how="left")
        copies = traced.filter(pl.col("true_value") == "copy")
        found = traced.drop_nulls("source")
        print(
            f"| {seed} | {shown['window_title'].n_unique():,} | {shown['true_screen'].n_unique()} | {shown['screen'].n_unique()} "
            f"| {together:.3f} | {pure:.3f} | {unnamed:.3f} | {copies['source'].is_not_null().mean():.3f} "
            f"| {(found['true_value'] == 'copy').mean():.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
