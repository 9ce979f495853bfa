"""The ERP's own log of the same invoices: as a frame and as XES."""

from __future__ import annotations

from random import Random
from xml.sax.saxutils import quoteattr

import polars as pl

from taskkit.samples.office import ERP_SKEW, Office, in_office_hours, outsider
from taskkit.samples.world import epoch, midnight
from taskkit.schema import TIME

_SCHEMA = pl.Schema({
    "case_id": pl.String(), "activity": pl.String(), "timestamp": TIME, "start_timestamp": TIME, "resource": pl.String(),
    "amount": pl.Float64(), "vendor": pl.String(), "country": pl.String(), "po": pl.String(), "team": pl.String(),
})  # fmt: skip
_ORDER = ("Receive invoice", "Enter invoice", "Match invoice", "Approve invoice", "Archive document", "Release payment")


def finish_cases(office: Office, *, seed: int) -> None:
    """Most cases that are open when the recording ends are closed in the days after it; the log was exported later."""
    rng, after = Random(f"{seed} after"), midnight(office.days)
    mates = {team: [p.user for p in office.people if p.team == team] for team in office.vendors}
    for invoice in office.invoices.values():
        done = office.done[invoice.number]
        if rng.random() < 0.25:
            continue
        time = after
        for activity in _ORDER[1:]:
            if activity in done or (activity == "Match invoice" and not invoice.order):
                continue
            time = in_office_hours(time + rng.lognormvariate(9.4, 0.8), rng)
            who = rng.choice(mates[invoice.vendor.team]) if rng.random() < 0.6 else outsider(10 + rng.randrange(5))
            office.book(activity, invoice.number, time + ERP_SKEW, who)


def process_frame(office: Office) -> pl.DataFrame:
    """One row per event of the ERP's log, in the order of its clock."""
    rows = []
    for b in office.bookings:
        invoice = office.invoices[b.case]
        rows.append((
            b.case, b.activity, round(b.time * 1_000), None if b.start is None else round(b.start * 1_000), b.resource,
            invoice.amount, invoice.vendor.name, invoice.vendor.country, "yes" if invoice.order else "no",
            invoice.vendor.team,
        ))  # fmt: skip
    raw = pl.Schema({**_SCHEMA, "timestamp": pl.Int64(), "start_timestamp": pl.Int64()})
    zero = round(epoch().timestamp() * 1_000)
    clock = (
        ((pl.col("timestamp", "start_timestamp") + zero) * 1_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )
    frame = pl.DataFrame(rows, schema=raw, orient="row").with_columns(clock)
    return frame.sort("timestamp", "case_id", "activity")


def to_csv(process: pl.DataFrame) -> str:
    """The log as CSV, times in UTC."""
    return process.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ")


def to_xes(process: pl.DataFrame) -> str:
    """The log as XES 1.0."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<log xes.version="1.0" xes.features="" xmlns="http://www.xes-standard.org/">',
        '<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>',
        '<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>',
        '<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>',
        '<classifier name="Activity" keys="concept:name"/>',
        '<string key="concept:name" value="accounts payable"/>',
    ]
    stamped = process.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00"))
    traces: dict[str, list[dict[str, object]]] = {}
    for row in stamped.iter_rows(named=True):
        traces.setdefault(row["case_id"], []).append(row)
    for case in sorted(traces):
        lines += _trace(case, traces[case])
    return "\n".join([*lines, "</log>", ""])


def _trace(case: str, rows: list[dict[str, object]]) -> list[str]:
    head = rows[0]
    lines = ["<trace>", _attribute("string", "concept:name", case), _attribute("float", "amount", head["amount"])]
    lines += [_attribute("string", key, head[key]) for key in ("vendor", "country", "po", "team")]
    for row in rows:
        event = (
            _attribute("string", "concept:name", row["activity"]) + _attribute("date", "time:timestamp", row["timestamp"])
            + _attribute("string", "org:resource", row["resource"])
        )  # fmt: skip
        lines.append(f"<event>{event}</event>")
    return [*lines, "</trace>"]


def _attribute(kind: str, key: str, value: object) -> str:
    return f'<{kind} key="{key}" value={quoteattr(str(value))}/>'
