"""A click on a step of the variant explorer in a real JupyterLab shows the rows behind it."""

from __future__ import annotations

import re
from types import SimpleNamespace

from tests.conftest import write_notebook
from tests.test_browser_lab import START, lab, run_notebook

__all__ = ["lab"]  # the fixture

FRAMES = """import polars as pl
import taskkit as tk
ways = [["open A", "type B", "save C"]] * 24 + [["type B", "open A", "save C"]] * 12
segments = pl.DataFrame({"activities": ways}).with_row_index("segment_id").with_columns(
    user=pl.format("p_{}", pl.col("segment_id") % 6), task_id=pl.lit("T01"), active_seconds=30.0)
events = segments.select("segment_id", "user", activity="activities").explode("activity", empty_as_null=True)
events = events.with_columns(session_id=pl.lit("s"), seq=pl.int_range(pl.len(), dtype=pl.UInt64), step=True,
    active_seconds=10.0, app=pl.lit("erp"), timestamp=pl.datetime(2026, 3, 2, time_zone="UTC"))"""
SHOWN = 'tk.widgets.show(tk.widgets.VariantExplorer(segments, events=events, level="activity", rare=0.0))'


def test_a_click_on_a_step_shows_its_rows_in_a_notebook(window: SimpleNamespace, lab: SimpleNamespace) -> None:
    write_notebook(lab.root / "notebooks" / "clicks.ipynb", START, FRAMES, SHOWN)
    run_notebook(window, lab, "clicks.ipynb")
    steps = window.page.locator('.jp-OutputArea .tk-chart svg path[fill="#CFE3F1"]')
    steps.nth(2).wait_for(state="attached", timeout=20_000)
    for step, said in ((2, "save C"), (0, "open A")):
        steps.nth(step).click(force=True)
        rows = window.page.locator(".tk-table", has_text=f"Rows behind “{said}” in the way T01-V01")
        rows.wait_for(timeout=20_000)
        assert "24 rows of 24 executions by 6 people" in rows.inner_text()
    outside = [url for url in window.requests if not re.match(rf"(data|blob):|{lab.address}/", url)]
    assert outside == []
