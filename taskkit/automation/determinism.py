"""Determinism: how much of what is written could a rule have written?"""

from __future__ import annotations

import polars as pl

from taskkit.automation.explanations import explain_values
from taskkit.automation.fields import list_values


def written_fields(events: pl.DataFrame, *, values: pl.DataFrame | None = None) -> pl.DataFrame:
    """Say of every written value of one task whether a rule would have given it, and of which kind the rule is.

    Determinism is the share of the values that are given: the mean of `predictable`, of a field, a person or the task.
    The rules are those of `find_data_transfers`: constant, copy, part, reformat, concatenation and look-up, each value
    predicted from the other segments alone. A habit is no rule: a constant or a look-up must be clearly better than
    guessing among the field's values, or all of the field counts as judgement.

    Parameters
    ----------
    events : rows of one task, with `segment_id`, and `value_digest` or `value`. A row that writes is a text input, a
        paste, or a click on a check box or a choice that carries a value; what is edited or written over at once is no
        value of its own.
    values : what `list_values` gives for them, where it is known already.

    Returns
    -------
    One row per written value: `segment_id`, `user`, `session_id`, `seq`,
    `field`, `rule` (kind of the rule that gives it; "judgement" where
    none does), `predictable` (1 given, 0 not, null where the log has no value or the field is written in too few
    segments).

    References
    ----------
    Leno et al. (2020), Automated discovery of data transformations for robotic process automation.

    >>> import taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_006), "what": "edit", "of": "A", "value": list("xxxxxy")})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what", "element_name": "of", "value": "value"})
    >>> events = events.with_columns(segment_id=pl.col("seq").cast(pl.UInt32))
    >>> written_fields(events)["predictable"].to_list()
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    """
    written, rules = explain_values(list_values(events) if values is None else values)
    kinds = pl.DataFrame({"rule": range(len(rules)), "named": [rule.kind for rule in rules]},
                         schema={"rule": pl.UInt32, "named": pl.String})  # fmt: skip
    named = written.join(kinds, on="rule", how="left", maintain_order="left")
    return named.select(
        "segment_id", "user", "session_id", "seq", "field",
        rule=pl.when("judged").then(pl.col("named").fill_null("judgement")),
        predictable=pl.when("judged").then(pl.col("named").is_not_null().cast(pl.Float64)),
    )  # fmt: skip
