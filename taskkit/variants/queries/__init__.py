"""A query language over the steps of segments: one text for code and widget."""

from __future__ import annotations

import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import require_columns
from taskkit.variants.queries.parser import Parser, read_tokens
from taskkit.variants.queries.steps import Steps
from taskkit.variants.ways import check_order


def match(segments: pl.DataFrame, query: str, *, level: str = "screen", steps: Steps | None = None) -> pl.DataFrame:
    """Keep the segments that fit a query over the order of their steps and over their columns.

    Steps are names in quotes, of whole screens or activities; capitals do not matter, `*` stands for any text, `\\*` for
    the sign itself. ::

        starts "inbox*"                    ends "save"                  contains "a"   (or only "a")
        "a" -> "b"                         b comes directly after a
        "a" ~> "b"                         b comes after a, whatever lies between; both go on: "a" -> "b" ~> "c"
        any("a", "b")                      a step that is one of them
        all("a", "b")                      each of them, in any order, whatever lies between (at most 4)
        contains not("a") -> "b"           a step that is not a, b directly after it
        repeats "a" > 2                    number of steps that are a
        duration > 5m     elapsed <= 1h    active time, and time from first to last event; units ms, s, m, h, d
        steps > 10     application "excel"     team = "south"     date >= 2026-03-04 (UTC, of the first event)
        task = "T01"     variant = any("T01-V01", "T01-V02")     any other column of the frame, such as fragments > 1

    Tests are joined by `and`, `or`, `not` and parentheses; `and` binds closer than `or`. A value that is not known fits no
    condition, except `!=`. Nobody can be asked for: there is no condition on `user`.

    Parameters
    ----------
    segments : segments frame.
    query : the text; an empty one keeps everything.
    level : "screen": the steps are the screens in the order in which they were visited, going back counts again, staying
        does not; "activity": every activity is a step, doing the same again at once is not; "action": that too.
    steps : what an earlier query has read of the same segments at this level.

    Returns
    -------
    The segments that fit, in the given order, columns unchanged.

    Raises
    ------
    SettingError : the text is no query (the place is marked), or names are not in the frame; all of them are listed.

    >>> import polars as pl, taskkit as tk
    >>> from taskkit.variants.queries import match
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_009), "what": list("abs" * 2 + "axs")}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="^s$"))
    >>> match(segments, '"a" -> "b" and not ends "x" and steps = 3', level="activity").height
    2
    """
    return segments if not query.strip() else segments.filter(fits(segments, query, level=level, steps=steps))


def fits(segments: pl.DataFrame, query: str, *, level: str = "screen", steps: Steps | None = None) -> pl.Series:
    """Say of every segment whether it fits a query; the arguments and errors are those of `match`.

    >>> segments = pl.DataFrame({"activities": [["a", "b"], ["b"]]})
    >>> fits(segments, 'starts "a"', level="activity").to_list()
    [True, False]
    """
    require_columns(segments, "activities", made_by="list_segments")
    check_order(level, what="level of a query")
    if not query.strip():
        return pl.repeat(True, segments.height, eager=True)
    steps = Steps(segments, level) if steps is None else steps
    wanted = Parser(query, segments, steps).read()
    if "_way" in wanted.meta.root_names():  # else only conditions: no need to look at the steps
        segments = segments.with_columns(_way=steps.ways)
    return segments.select(_fits=wanted).to_series()


def complete_query(
    text: str, segments: pl.DataFrame, *, level: str = "screen", limit: int = 20, steps: Steps | None = None
) -> list[str]:
    """List how a query can go on at its end: words of the language, names of steps, columns and their values.

    Parameters
    ----------
    text : the query as far as it is written; its last word or name may be unfinished.
    segments : segments frame, whose names are offered, the most frequent first.
    level, steps : as in `match`.
    limit : how many at most.

    Returns
    -------
    The text with its end completed, one for each way to go on; empty where the text cannot be read.

    >>> import polars as pl
    >>> from taskkit.variants.queries import complete_query
    >>> segments = pl.DataFrame({"activities": [["open mail", "open invoice"]], "team": ["south"]})
    >>> complete_query('starts "open inv', segments, level="activity")
    ['starts "open invoice"']
    >>> complete_query("te", segments)
    ['team']
    """
    require_columns(segments, "activities", made_by="list_segments")
    check_order(level, what="level of a query")
    tokens, end = read_tokens(text)
    begin = end
    if end == len(text) and tokens and tokens[-1].kind == "word" and tokens[-1].place + len(tokens[-1].text) == end:
        begin = tokens[-1].place
    unfinished = text[begin:].strip()
    if end < len(text) and unfinished[:1] not in "\"'":
        return []
    parser = Parser(text[:begin], segments, Steps(segments, level) if steps is None else steps, offered=[])
    try:
        parser.read()
    except SettingError:
        if parser.here.kind != "end":
            return []
    space = " " if begin and text[begin - 1] not in ' ("' else ""
    bare = unfinished.lstrip("\"'").lower()
    found = [o for o in dict.fromkeys(parser.offers()) if (o[:1] == '"' or unfinished[:1] not in ("'", '"'))]
    first = [o for o in found if o.lstrip('"').lower().startswith(bare)]
    within = [o for o in found if o[:1] == '"' and bare in o.lower() and o not in first]
    return [text[:begin] + space + o for o in first + within if o != unfinished][:limit]
