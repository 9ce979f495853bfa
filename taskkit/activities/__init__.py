"""Events → named activities: noise dropped, repeats and bursts merged, titles brought to templates."""

from __future__ import annotations

import polars as pl

from taskkit.activities.measures import count_switches, count_transfers, time_per_app
from taskkit.quality import add_active_seconds
from taskkit.schema import EVENTS, PRESENCE_TYPES, require

__all__ = ["count_switches", "count_transfers", "name_activities", "time_per_app"]

FLICKER_SECONDS = 1.0  # a window that was in front for less was passed over, not looked at
SLOT_VALUES = 12  # a place of a title that takes this many different texts is a slot, not part of the screen's name

_NUMBERED_DOCUMENT = r"[^\s|]*#[^\s|]*\.(pdf|xlsx?|docx?|csv|msg|eml|txt|png|jpe?g|tiff?)\b"

_NAMING = ("app", "event_type", "event_name", "window_title", "url", "element_role", "element_id", "element_name")
_VERBS = {
    "click": "click", "double_click": "double-click", "right_click": "right-click", "drag": "drag",
    "text_input": "type into", "key": "press key in", "shortcut": "shortcut in", "copy": "copy", "cut": "cut",
    "paste": "paste into", "window_focus": "view", "window_title": "view", "navigate": "open", "comment": "comment",
    "other": "use",
}  # fmt: skip


VERB = r"^(type into|paste into|press key in|shortcut in|\S+) "  # how the text of an activity begins


def name_activities(events: pl.DataFrame, *, idle_cap: str = "60s") -> pl.DataFrame:
    """Name what each event does and mark the rows that stand for a step of work.

    An activity is a verb, an object and a screen ("click Save · Invoice # - Enter - Horizon ERP"). Numbers become #, and
    places of a title that take many different texts become ‹…›, so that the same screen has one name for every record.
    Presence rows, excluded time, scrolling and windows that only flickered carry no activity. A window that came
    to the front is its own
    step ("view …") only if nothing else was done in it. Successive rows with the same activity are merged into the first.
    No row is lost: merged and dropped rows stay in the frame with `step` false.

    Parameters
    ----------
    events : events frame (see `taskkit.EVENTS`), rows in any order.
    idle_cap : longest time that counts as active after an event, such as "60s".

    Returns
    -------
    The events, ordered by user, session and seq, with `activity` (String, null where a row carries no meaning), `step`
    (Boolean) and `active_seconds` (Float64, seconds until the person's next event, at most `idle_cap`).

    Raises
    ------
    ContractError : the frame breaks the events contract; every problem is listed.

    >>> import polars as pl, taskkit as tk
    >>> table = {"at": [1.8e9, 1.8e9 + 5, 1.8e9 + 9], "what": ["click", "click", "copy"], "on": ["Save 1", "Save 2", "Sum"]}
    >>> log = tk.from_table(pl.DataFrame(table),
    ...                     columns={"timestamp": "at", "event_name": "what", "element_name": "on"})
    >>> tk.name_activities(log)["activity"].to_list()
    ['click Save #', 'click Save #', 'copy Sum']
    >>> tk.name_activities(log)["step"].to_list()
    [True, False, True]
    """
    require(events, EVENTS)
    missing = [pl.lit(None, dtype=EVENTS[name].dtype).alias(name) for name in _NAMING if name not in events.columns]
    frame = events.with_columns(missing) if missing else events
    frame = frame.drop("activity", "step", "active_seconds", strict=False).sort("user", "session_id", "seq")
    frame = add_active_seconds(frame, idle_cap=idle_cap)
    # names are made once per distinct combination, never per event
    distinct = frame.select(_NAMING).unique(maintain_order=True)
    frame = frame.join(_names(distinct), on=_NAMING, how="left", nulls_equal=True, maintain_order="left")
    return _mark_steps(frame).drop([column.meta.output_name() for column in missing], strict=False)


def _mark_steps(frame: pl.DataFrame) -> pl.DataFrame:
    """Decide which rows stand for a step; `frame` is ordered and every row has its candidate activity."""
    session = ["user", "session_id"]
    kind = pl.col("event_type").cast(pl.String)
    focus = kind.is_in(["window_focus", "window_title"]) & pl.col("event_name").is_null()
    excluded = pl.col("redactions").list.contains("excluded") if "redactions" in frame.columns else pl.lit(False)
    meaningful = (
        ~kind.is_in([*PRESENCE_TYPES, "scroll"]) & pl.col("activity").is_not_null() & ~excluded.fill_null(False)
    )
    frame = frame.with_columns(_focus=focus, _meaningful=meaningful)
    # looked at and nothing else: the next meaningful row is in another window or the session's end
    acted = frame.filter("_meaningful").select(
        *session, "seq",
        _same_window=(pl.col("app").eq_missing(pl.col("app").shift(-1))
                      & pl.col("window_title").eq_missing(pl.col("window_title").shift(-1))).over(session).fill_null(False),
    )  # fmt: skip
    frame = frame.join(acted, on=[*session, "seq"], how="left", maintain_order="left")
    passed_over = pl.col("_focus") & (pl.col("_same_window") | (pl.col("active_seconds") < FLICKER_SECONDS))
    frame = frame.with_columns(_counts=pl.col("_meaningful") & ~passed_over)
    first = frame.filter("_counts").select(
        *session, "seq", step=pl.col("activity").ne_missing(pl.col("activity").shift(1)).over(session)
    )
    frame = frame.join(first, on=[*session, "seq"], how="left", maintain_order="left")
    return frame.with_columns(activity=pl.when("_counts").then("activity"), step=pl.col("step").fill_null(False)).drop(
        "_focus", "_meaningful", "_same_window", "_counts"
    )


def _names(distinct: pl.DataFrame) -> pl.DataFrame:
    """The activity of each distinct combination of the naming columns."""
    verb = pl.coalesce(
        pl.when(~pl.col("event_name").str.contains(r"\+")).then(pl.col("event_name").str.strip_chars()),
        pl.col("event_type").cast(pl.String).replace(_VERBS),
    )
    named = distinct.with_columns(
        _verb=verb,
        _object=pl.coalesce(_numbers_out("element_name"), _numbers_out("element_id"), pl.col("element_role")),
        _screen=pl.coalesce(_numbers_out("window_title"), _numbers_out("url")),
    )
    named = _slots_out(named, "_screen", r"( - | \| |: |_)")
    named = _slots_out(named, "_object", r"( - | \| |: )")  # field names are full of underscores
    place = pl.coalesce("_screen", "app")
    text = (
        pl.when(pl.col("_object").is_not_null() & place.is_not_null())
        .then(pl.concat_str(pl.col("_object"), pl.lit(" · "), place))
        .otherwise(pl.coalesce("_object", place))
    )
    return named.select(
        *_NAMING, activity=pl.concat_str(pl.col("_verb"), pl.lit(" "), text.fill_null("")).str.strip_chars()
    )


def _numbers_out(name: str) -> pl.Expr:
    """A text with its numbers as #, numbered documents as ‹document› and its spaces folded; empty texts become null."""
    text = pl.col(name).str.replace_all(r"\d+(?:[.,:/]\d+)*", "#").str.replace_all(_NUMBERED_DOCUMENT, "‹document›.$1")
    text = text.str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(text.str.len_chars() > 0).then(text)


def _slots_out(named: pl.DataFrame, name: str, separator: str) -> pl.DataFrame:
    """Replace the texts of a column by templates that are learnt per application.

    A text is split into parts at the separators. A part is a slot if, with all other parts held fixed, it takes at least
    `SLOT_VALUES` different texts. Two passes, so that a text may have two slots.
    """
    texts = named.select("app", name).drop_nulls(name).unique(maintain_order=True)
    parted = texts.with_columns(_parts=pl.col(name).str.replace_all(separator, "\u0000$1\u0000").str.split("\u0000"))
    for _ in range(2):
        parts = parted.with_row_index("_row").select("_row", "app", "_parts").explode("_parts", empty_as_null=True)
        parts = parts.with_columns(_place=pl.int_range(pl.len()).over("_row"))
        others = parts.join(parts, on=["_row", "app"], suffix="_other", maintain_order="left_right")
        others = others.filter(pl.col("_place") != pl.col("_place_other"))
        around = others.group_by("_row", "app", "_place", maintain_order=True).agg(
            pl.col("_parts").first(), _rest=pl.col("_parts_other").str.join("\u0000")
        )
        values = around.with_columns(_values=pl.col("_parts").n_unique().over("app", "_place", "_rest"))
        slots = values.filter((pl.col("_values") >= SLOT_VALUES) & (pl.col("_place") % 2 == 0))
        slots = slots.sort("_row", pl.col("_values"), "_place", descending=[False, True, False]).unique(
            "_row", keep="first"
        )
        marked = parts.join(
            slots.select("_row", "_place", _slot=pl.lit(True)), on=["_row", "_place"], how="left", maintain_order="left"
        )
        found = marked.group_by("_row", maintain_order=True).agg(
            _parts=pl.when(pl.col("_slot").fill_null(False)).then(pl.lit("‹…›")).otherwise("_parts")
        )
        parted = parted.with_columns(found["_parts"])
    templates = parted.select("app", name, _template=pl.col("_parts").list.join(""))
    joined = named.join(templates, on=["app", name], how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.col("_template").alias(name)).drop("_template")
