"""Between applications: how often people change over, how soon they come back, and what a change costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.activities.fields import SESSION, changes, excluded, in_order
from taskkit.log.durations import parse_duration
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import PRESENCE_TYPES, require_columns

ALL_APPS = "all applications"
LEAST_STEPS = 5  # a person's median of fewer steps says nothing
BOOTSTRAPS = 1999
_STOPS = [kind for kind in PRESENCE_TYPES if kind != "alive"]
_NOT_ACTING = [*PRESENCE_TYPES, "scroll", "window_focus", "window_title", "navigate"]


def count_switches(events: pl.DataFrame) -> pl.DataFrame:
    """Count how often people went from one application to another.

    Parameters
    ----------
    events : events frame of `name_activities`; only steps count, so a window that flickered is no switch.

    Returns
    -------
    One row per ordered pair of applications, most frequent first: `from_app`, `to_app`, `switches`, `people`.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9, 1.8e9 + 18], "app": ["mail", "erp", "mail"]}),
    ...                     columns={"timestamp": "at", "app": "app"})
    >>> tk.count_switches(tk.name_activities(log)).rows()
    [('erp', 'mail', 1, 1), ('mail', 'erp', 1, 1)]
    """
    runs = _runs(events).drop_nulls("from_app")
    counted = runs.group_by("from_app", to_app="app").agg(switches=pl.len(), people=pl.col("user").n_unique())
    return counted.sort("switches", "from_app", "to_app", descending=[True, False, False])


def count_round_trips(events: pl.DataFrame, *, within: str = "60s") -> pl.DataFrame:
    """Count how often people left an application for another one and came straight back.

    A round trip A → B → A is a switch from A to B whose next switch leads back to A, no later than `within` after the
    first step in B. Every switch counts at most once; in A → B → A → B the first starts a round trip from A, the second
    one from B. Many round trips mean that two applications are used as one: values are fetched, compared or carried.

    Parameters
    ----------
    events : events frame of `name_activities`; only steps count, so a window that flickered is no switch.
    within : longest time away, from the first step there to the first step back, such as "60s".

    Returns
    -------
    One row per ordered pair of applications with a round trip, most frequent first: `app`, `there`, `round_trips`,
    `people` who made them, `median_seconds_away`, `switches` (all from `app` to `there`), `share_back` (part of these that
    came back in time), `share` (part of all switches of the log; the sum of the column is the share of all switches that
    come back), `within_seconds`.

    Raises
    ------
    ContractError : `name_activities` has not been run.
    SettingError : `within` is no duration.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9, 1.8e9 + 18], "app": ["erp", "pdf", "erp"]}),
    ...                     columns={"timestamp": "at", "app": "app"})
    >>> count_round_trips(tk.name_activities(log)).select("app", "there", "round_trips", "median_seconds_away").rows()
    [('erp', 'pdf', 1, 9.0)]
    """
    limit = parse_duration(within).total_seconds()
    runs = _runs(events)
    left = pl.col("timestamp").shift(-1).over(SESSION)
    runs = runs.with_columns(
        _next=pl.col("app").shift(-1).over(SESSION),
        _away=(left - pl.col("timestamp")).dt.total_microseconds() / 1e6,
    ).drop_nulls("from_app")
    back = ((pl.col("_next") == pl.col("from_app")) & pl.col("_away").is_between(0, limit)).fill_null(False)
    counted = runs.with_columns(_back=back).group_by(app="from_app", there="app").agg(
        round_trips=pl.col("_back").sum().cast(pl.UInt32),
        people=pl.col("user").filter("_back").n_unique(),
        median_seconds_away=pl.col("_away").filter("_back").median(),
        switches=pl.len().cast(pl.UInt32),
    )  # fmt: skip
    counted = counted.with_columns(
        share_back=pl.col("round_trips") / pl.col("switches"), share=pl.col("round_trips") / max(runs.height, 1)
    )
    counted = counted.filter(pl.col("round_trips") > 0).with_columns(within_seconds=pl.lit(limit))
    return counted.sort("round_trips", "app", "there", descending=[True, False, False])


def switch_cost(events: pl.DataFrame, *, longest: str = "60s", seed: int = 0) -> pl.DataFrame:
    """Estimate how many seconds later people act after they have changed the application.

    The time from one act (click, key, typing, copy, paste, …; not looking, scrolling or a window that comes to the front)
    to the next is compared: with a change of application between the two, and without any other application between. It
    is compared inside one person, one application that is worked in afterwards and one kind of act (a click with a click),
    by medians; a person's figure is the mean of these differences, weighted by the number of changes, and the result is
    the mean over people. Typing time is not part of it. What is compared are the person's own two medians, so a slow and
    a quick person count alike. The 95 % interval comes from 1,999 draws of people with replacement, its tails widened for
    few people (Hesterberg 2015).

    It is not the time lost by an interruption, and not what would be saved without the change: to look for the right place
    in the other window, to wait for it and to read there are in it, and what one does there may simply be harder.

    Parameters
    ----------
    events : events frame of `name_activities`.
    longest : longer times between two acts count on neither side: they are breaks rather than steps.
    seed : of the draws.

    Returns
    -------
    One row for all applications together (`app` "all applications") and one per application that is changed to, most
    changes first: `app`, `cost_seconds`, `low` and `high` (95 %; null with fewer than five people), `after_seconds` and
    `inside_seconds` (mean over people of the medians with and without a change), `switches` and `steps` (acts with and
    without a change that the estimate rests on), `people`. Empty if nobody has five acts of one kind on either side.

    Raises
    ------
    ContractError : `name_activities` has not been run.
    SettingError : `longest` is no duration.

    References
    ----------
    Hesterberg (2015), What teachers should know about the bootstrap.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9], "app": ["mail", "erp"]}),
    ...                     columns={"timestamp": "at", "app": "app"})
    >>> switch_cost(tk.name_activities(log)).height  # far too little to say anything
    0
    """
    acts = _times_between_acts(events, parse_duration(longest).total_seconds())
    kinds = acts.group_by("user", "app", "event_type").agg(
        after=pl.col("seconds").filter("switched").median(), inside=pl.col("seconds").filter(~pl.col("switched")).median(),
        switches=pl.col("switched").sum(), steps=(~pl.col("switched")).sum(),
    )  # fmt: skip
    kinds = kinds.filter((pl.col("switches") >= LEAST_STEPS) & (pl.col("steps") >= LEAST_STEPS))
    both = pl.concat([kinds.with_columns(app=pl.lit(ALL_APPS)), kinds]).sort("app", "user", "event_type")
    weight = pl.col("switches") / pl.col("switches").sum()
    persons = both.group_by("app", "user", maintain_order=True).agg(
        (pl.col("after", "inside") * weight).sum(), pl.col("switches", "steps").sum().cast(pl.UInt32)
    )
    persons = persons.with_columns(cost=pl.col("after") - pl.col("inside"))
    rows = [_estimate(app, people, seed) for (app,), people in persons.group_by("app", maintain_order=True)]
    found = pl.DataFrame(rows, schema=_COST, orient="row")
    return found.sort(pl.col("app") == ALL_APPS, "switches", "app", descending=[True, True, False])


_COST = pl.Schema({
    "app": pl.String, "cost_seconds": pl.Float64, "low": pl.Float64, "high": pl.Float64, "after_seconds": pl.Float64,
    "inside_seconds": pl.Float64, "switches": pl.UInt32, "steps": pl.UInt32, "people": pl.UInt32,
})  # fmt: skip


def _runs(events: pl.DataFrame) -> pl.DataFrame:
    """The first step of each stretch of steps in one application, with the application before it in the session."""
    require_columns(events, "step", made_by="name_activities")
    steps = in_order(
        events.filter(pl.col("step") & pl.col("app").is_not_null()).select(*SESSION, "seq", "timestamp", "app")
    )
    runs = steps.filter(changes(*SESSION, "app"))
    return runs.with_columns(from_app=pl.col("app").shift(1).over(SESSION))


def _times_between_acts(events: pl.DataFrame, longest: float) -> pl.DataFrame:
    """One row per act that follows another: user, app, event_type, seconds since the one before, whether app changed."""
    require_columns(events, "step", made_by="name_activities")
    typed = pl.col("duration_ms").fill_null(0) if "duration_ms" in events.columns else pl.lit(0, pl.UInt32)
    kind = pl.col("event_type").cast(pl.String)
    # a lock, a blind span or excluded time between two acts: nobody knows what happened
    stop = kind.is_in(_STOPS) | excluded(events)
    rows = in_order(events.select(*SESSION, "seq", "timestamp", "app", kind, typed=typed, _stop=stop))
    acts = ~pl.col("event_type").is_in(_NOT_ACTING) & ~pl.col("_stop")
    rows = rows.with_columns(_block=(changes(*SESSION) | pl.col("_stop")).cum_sum(), _acts=acts)
    rows = (
        rows.filter(pl.col("app").is_not_null()).with_columns(_run=changes("_block", "app").cum_sum()).filter("_acts")
    )
    before = pl.col("timestamp").shift(1) + pl.duration(milliseconds=pl.col("typed").shift(1))
    follows = ~changes("_block")
    elsewhere = changes("_run") & ~changes("app")  # another window was looked at, but nothing was done there
    times = rows.select(
        "user", "app", "event_type", seconds=((pl.col("timestamp") - before).dt.total_microseconds() / 1e6).clip(0),
        switched=changes("app"), counts=follows & ~elsewhere,
    )  # fmt: skip
    return times.filter(pl.col("counts") & (pl.col("seconds") <= longest)).drop("counts")


def _estimate(app: object, people: pl.DataFrame, seed: int) -> tuple[object, ...]:
    costs = people["cost"].to_numpy()
    low, high = _interval(costs, seed) if len(costs) >= MIN_PEOPLE else (None, None)
    means = people.select(pl.col("after", "inside").mean()).row(0)
    return (
        app,
        float(costs.mean()),
        low,
        high,
        *means,
        *people.select(pl.col("switches", "steps").sum()).row(0),
        len(costs),
    )


def _interval(values: npt.NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Middle 95 % of the mean over draws of people, its tails widened for few people."""
    from scipy.special import ndtr, stdtrit

    n = len(values)
    drawn = np.random.default_rng(seed).integers(0, n, (BOOTSTRAPS, n))
    tail = float(ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.025)))
    low, high = np.quantile(values[drawn].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)
