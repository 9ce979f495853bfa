"""First answers without any segmentation: where the time goes, how applications alternate, what is carried by hand."""

from __future__ import annotations

from taskkit.activities.fragmentation import measure_fragmentation
from taskkit.activities.places import count_entries, time_per_app
from taskkit.activities.switches import count_round_trips, count_switches, switch_cost
from taskkit.activities.transfers import count_reentries, count_transfers

__all__ = [
    "count_entries",
    "count_reentries",
    "count_round_trips",
    "count_switches",
    "count_transfers",
    "measure_fragmentation",
    "switch_cost",
    "time_per_app",
]
