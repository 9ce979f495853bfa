"""Which rows show or write a value, and in which field: the ground that determinism and transfers stand on."""

from __future__ import annotations

import polars as pl

from taskkit.activities import VERB

READS = ("copy", "cut")
UNNAMED = "› (unnamed)"
_TYPED = ("text_input", "paste")
_CHOSEN = ("click", "double_click", "key")
_CHOICES = ("check box", "combo box", "list box", "option", "radio button", "switch", "toggle", "select")
_CHOICE_EVENT = r"(?i)check_?box|radio|drop_?down|select_?option|select_?field|choose"
_CELL = r"^\$?([A-Z]{1,3})\$?[0-9]{1,7}$"
_RANGE = r"^\$?[A-Z]{1,3}\$?[0-9]{1,7}:\$?[A-Z]{1,3}\$?[0-9]{1,7}$"
STABLE = 0.5  # of the rows of a name whose ids come back in another segment: else the ids are made anew every time
LEAST_USED = 0.2  # of the segments with cells: a sheet used in fewer is not told apart from the others
_ENDS = (" ", ",", ";", "-", "/", "@", ".")


def list_values(events: pl.DataFrame) -> pl.DataFrame:
    """Every row that shows or writes a value, in the order of work, with its field.

    A field is an application and an element: its id if it comes back in other segments, else its name, with the slots
    that `name_activities` found in it; the cells of a sheet (C7, C8) are one field, their
    column, told apart by sheet where a task uses several. A row writes if it is a text input, a paste, or a click on a
    check box or a choice, and carries a value. What is written over at once is no value of its own: a paste whose text
    is edited before anything else is copied or written (`pasted` of the edit says so), or a text that the next writing
    in the same field of the same segment goes on with ("Steven", then "Steven Richards").

    Parameters
    ----------
    events : rows of any tasks, with `segment_id`, and `value_digest` or `value`.

    Returns
    -------
    One row per row of the events with a value, and per text input or paste without one: `place`, `user`, `session_id`,
    `seq`, `segment_id`, `app`, `screen`, `element_id`, `element_name`, `field`, `kind`, `writes`, `pasted`, `seen_as`
    (equal where values are equal; null = unknown), `text` (null where only digests are known).
    """
    rows = _with_fields(_in_order(events))
    typed = pl.col("kind").is_in(_TYPED)
    choice = pl.col("_choice") & pl.col("seen_as").is_not_null()
    rows = rows.with_columns(writes=typed | choice).filter(typed | pl.col("seen_as").is_not_null())
    rows = rows.with_columns(seen_as=pl.when(pl.col("_named") | ~typed).then("seen_as"))
    return _settle(rows).drop("_choice", "_named")


def _in_order(events: pl.DataFrame) -> pl.DataFrame:
    begin = pl.col("timestamp").min().over("user", "session_id")
    ordered = events.with_columns(_begin=begin).sort("user", "_begin", "session_id", "seq").drop("_begin")
    return ordered.drop("place", strict=False).with_row_index("place")


def _with_fields(events: pl.DataFrame) -> pl.DataFrame:
    """Rows with `field`, the name that people read, and what makes values equal."""
    optional = (
        "element_id",
        "element_name",
        "element_role",
        "event_name",
        "screen",
        "window_title",
        "value",
        "value_digest",
    )
    missing = [pl.lit(None, pl.String).alias(name) for name in optional if name not in events.columns]
    events = _with_slots(events.with_columns(missing))
    slotted = pl.coalesce("_slotted", "element_name")
    column = pl.coalesce(pl.col("element_name").str.extract(_CELL, 1), pl.col("element_id").str.extract(_CELL, 1))
    cells = pl.coalesce(pl.col(name).str.extract(_RANGE, 0) for name in ("element_name", "element_id"))
    cells = cells.str.replace_all(r"[$0-9]", "").str.replace(":", " to ", literal=True)
    element = pl.coalesce(
        pl.format("column {}", column), pl.format("columns {}", cells), pl.when(ids_come_back(STABLE)).then("element_id"),
        slotted, pl.col("element_id"),
    )  # fmt: skip
    value = pl.col("value").str.strip_chars().replace("", None)
    # some logs spell out the tabs and line breaks of the clipboard
    text = value.str.replace_all(r"\t", "\t", literal=True).str.replace_all(r"\n", "\n", literal=True)
    role = pl.col("element_role").str.to_lowercase()
    rows = events.select(
        "place", "user", "session_id", "seq", "segment_id", "app", pl.coalesce("screen", "window_title").alias("screen"),
        "element_id", element_name=slotted, kind=pl.col("event_type").cast(pl.String), _element=element, text=text,
        seen_as=pl.coalesce(pl.col("value_digest").replace("", None), value), _named=element.is_not_null(),
        _choice=pl.col("event_type").cast(pl.String).is_in(_CHOSEN)
        & (role.is_in(_CHOICES).fill_null(False) | pl.col("event_name").str.contains(_CHOICE_EVENT).fill_null(False)),
    )  # fmt: skip
    rows = _by_sheet(rows)
    return rows.join(_labels(rows), on=["app", "_element"], how="left", nulls_equal=True, maintain_order="left").drop(
        "_element"
    )


def found_again(events: pl.DataFrame) -> pl.Expr:
    """Whether the element of a row comes back in another segment, by its id or by role and name; null without elements."""
    known = [name for name in ("element_id", "element_name") if name in events.columns and events[name].count()]
    if not known:
        return pl.lit(None, pl.Boolean)
    found = pl.lit(False)
    for names in (["element_id"], [name for name in ("element_role", "element_name") if name in events.columns]):
        if names and names[-1] in known:
            again = pl.col("segment_id").n_unique().over("app", *names) > 1
            found = found | (pl.col(names[-1]).is_not_null() & again)
    return found


def ids_come_back(least: float) -> pl.Expr:
    """Whether the id of a row's element tells it: of the rows of its application and name, so many have one that comes back."""
    again = pl.col("element_id").is_not_null() & (pl.col("segment_id").n_unique().over("app", "element_id") > 1)
    with_id = pl.col("element_id").is_not_null().sum().over("app", "element_name")
    return pl.col("element_id").is_not_null() & (again.sum().over("app", "element_name") >= least * with_id)


def _with_slots(events: pl.DataFrame) -> pl.DataFrame:
    """The rows with `_slotted`: the element's name as activities have it, so that no customer's name stands in it."""
    keys = ["app", "element_name"]
    if not {"activity", "screen"} <= set(events.columns):
        return events.with_columns(_slotted=pl.lit(None, pl.String))
    what = pl.col("activity").str.replace(VERB, "").str.strip_suffix(pl.concat_str(pl.lit(" · "), "screen"))
    own = pl.col("activity").str.ends_with(
        pl.concat_str(pl.lit(" · "), "screen")
    )  # else a rule gave the activity a name
    # what is there in a fifth of the segments has no changing part: Line1 and Line2 are two fields
    runs = pl.col("segment_id").n_unique()
    often = (runs.over("app", "element_name") >= LEAST_USED * runs.over("app")) & (runs.over("app", "element_name") > 1)
    named = events.filter(pl.col("element_name").is_not_null() & ~often).filter(own).select(*keys, _slotted=what)
    most = named.group_by(*keys, "_slotted").len().sort("len", "_slotted", descending=[True, False])
    most = most.unique(keys, keep="first", maintain_order=True).drop("len")
    return events.join(most, on=keys, how="left", nulls_equal=True, maintain_order="left")


def _by_sheet(rows: pl.DataFrame) -> pl.DataFrame:
    """Tell the columns of several sheets apart where each of them is used again and again; a new file a day is no sheet."""
    cell = pl.col("_element").str.contains("^columns? ").fill_null(False)
    used = rows.filter(cell & pl.col("screen").is_not_null()).select("app", "screen", "segment_id").unique()
    whole = pl.col("segment_id").n_unique().over("app")
    often = used.with_columns(share=pl.col("segment_id").n_unique().over("app", "screen") / whole)
    often = often.filter(pl.col("share") >= LEAST_USED).select("app", "screen").unique()
    several = often.filter(pl.len().over("app") > 1).with_columns(_sheet="screen")
    joined = rows.join(several, on=["app", "screen"], how="left", maintain_order="left")
    sheet = pl.when(cell).then(pl.format("{} of {}", "_element", "_sheet"))
    return joined.with_columns(_element=pl.coalesce(sheet, "_element")).drop("_sheet")


def _labels(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per application and element: `field`, the text that people read; the id where the name does not tell."""
    counts = (
        rows.group_by("app", "_element", "element_name").len().sort("len", "element_name", descending=[True, False])
    )
    most = counts.group_by("app", "_element", maintain_order=True).agg(
        name=pl.col("element_name").drop_nulls().first(), top=pl.col("len").first(), rows=pl.col("len").sum()
    )
    steady = (pl.col("top") >= 0.8 * pl.col("rows")) & ~pl.col("_element").str.contains("^columns? ")
    named = most.with_columns(
        shown=pl.coalesce(pl.when(steady).then(pl.col("name")), "_element").fill_null(UNNAMED[2:]),
        program=pl.col("app").fill_null("?"),
    )
    twice = (pl.len().over("program", "shown") > 1) & (pl.col("shown") != pl.col("_element"))
    shown = pl.when(twice.fill_null(False)).then(pl.format("{} ({})", "shown", "_element")).otherwise("shown")
    return named.select("app", "_element", field=pl.format("{} › {}", "program", shown))


def _settle(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out what is written over at once."""
    touch = rows.filter(pl.col("writes") | pl.col("kind").is_in(READS)).select(
        "place", "segment_id", "field", "kind", "text"
    )
    touch = touch.with_columns(
        pl.col("field", "kind").shift(-1).over("segment_id").name.prefix("next_"),
        pl.col("field", "kind").shift(1).over("segment_id").name.prefix("last_"),
    )
    paste, typed = pl.lit("paste"), pl.lit("text_input")
    edited = (pl.col("kind") == paste) & (pl.col("next_kind") == typed) & (pl.col("field") == pl.col("next_field"))
    pasted = (pl.col("last_kind") == paste) & (pl.col("kind") == typed) & (pl.col("field") == pl.col("last_field"))
    touch = touch.with_columns(edited=edited.fill_null(False), pasted=pasted.fill_null(False))
    kept = touch.filter(~pl.col("edited") & ~pl.col("kind").is_in(READS))
    then = pl.col("text").shift(-1).over("segment_id", "field")
    goes_on = pl.any_horizontal(then.str.starts_with(pl.col("text") + end) for end in _ENDS)
    over = pl.concat([
        touch.filter("edited").select("place"),
        kept.filter((goes_on & (pl.col("kind") == typed)).fill_null(False)).select("place"),
    ])  # fmt: skip
    pastes = touch.filter("pasted")["place"]
    return rows.join(over, on="place", how="anti", maintain_order="left").with_columns(
        pasted=pl.col("place").is_in(pastes.implode())
    )
