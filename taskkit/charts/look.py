"""One look for all charts: colours, fonts, titles, compact inline data, and a sentence where there is nothing to draw."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl

from taskkit.charts.marks import signing
from taskkit.privacy import MIN_PEOPLE, shares_pages, suppress_small_groups

# Okabe & Ito (2008), a palette that people with colour vision deficiencies can tell apart; yellow last, it is faint on white
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D31", "#F0E442")
GREY, FAINT, INK, SOFT = "#9AA3AF", "#E4E8ED", "#1D2430", "#55606F"
MISSING, OTHER = "no task", "other"
FONT = 'system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif'  # as on the page around the charts
PRIVATE = {"excluded": "excluded (private)"}  # the application that stands for time that was not recorded on purpose
LETTERS = "The letters stand for people in this report only; they are not the pseudonyms of the log."
WIDTH = 1020  # pixels of the plotting area: with axis and legend a chart stays under 1150

Chart = Any  # an altair chart; Altair is imported only where it is used


def finish(chart: Chart, *, title: str, subtitle: str | Sequence[str] = "", description: str = "") -> Chart:
    """Give a chart its title, subtitle, words for a screen reader and the common fonts."""
    import altair as alt

    lines = [subtitle] if isinstance(subtitle, str) else list(subtitle)
    told = [spaced(line) for line in (title, *lines) if line]
    lines = [part for line in lines if line for part in wrap(spaced(line), 150)]
    title_lines = wrap(spaced(title), 105)
    heading = alt.TitleParams(
        title_lines if len(title_lines) > 1 else title_lines[0],
        subtitle=lines,
        anchor="start",
        fontSize=16,
        fontWeight=600,
        subtitleFontSize=13,
        subtitleColor=SOFT,
        color=INK,
        offset=12,
        subtitlePadding=6,
    )
    words = description or ". ".join(part.rstrip(".") for part in told) + "."
    chart = chart.properties(title=heading, description=words, background="white")
    return signing(
        chart.configure(font=FONT)
        .configure_axis(
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight=500,
            labelColor=INK,
            titleColor=SOFT,
            labelLimit=330,
            gridColor=FAINT,
            domainColor=GREY,
            tickColor=GREY,
        )
        .configure_legend(
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight=500,
            labelLimit=300,
            symbolOpacity=1,
            symbolStrokeWidth=2,
        )
        .configure_view(stroke=None)
        .configure_header(labelFontSize=12, titleFontSize=12)
    )


@contextmanager
def unchecked() -> Iterator[None]:
    """Make charts without a check of every part by Altair, which takes half of the time: for what follows a slider."""
    from altair.utils import schemapi

    with schemapi.debug_mode(False):
        yield


def nothing(sentence: str) -> Chart:
    """A chart that says in a sentence why there is nothing to draw."""
    import altair as alt

    words = alt.Chart(alt.InlineData(values=[{"text": wrap(sentence, 125)}])).mark_text(
        align="left", x=0, fontSize=14, color=SOFT, lineHeight=20, baseline="top", y=4
    )
    return (
        words.encode(text="text:N")
        .properties(width=WIDTH, height=24 * len(wrap(sentence, 125)), description=sentence, background="white")
        .configure(font=FONT)
        .configure_view(stroke=None)
    )


def inline(frame: pl.DataFrame) -> Any:
    """The frame as inline chart data, as CSV: a fifth of the size of records, and no limit of rows."""
    import altair as alt

    kinds = {
        name: "number" if dtype.is_numeric() else "boolean" if dtype == pl.Boolean else "string"
        for name, dtype in frame.schema.items()
    }
    rounded = frame.with_columns(
        pl.col(name).round_sig_figs(5) for name, dtype in frame.schema.items() if dtype.is_float()
    ).with_columns(pl.col(pl.String).fill_null("").replace("", " "))  # an empty field would be drawn as the word null
    return alt.InlineData(values=rounded.write_csv(), format=alt.CsvDataFormat(type="csv", parse=kinds))


def wrap(text: str, width: int) -> list[str]:
    """Cut a text into lines of at most `width` characters, between words."""
    import textwrap

    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def most_carried(effort: pl.DataFrame) -> dict[str, Any] | None:
    """The step in which most values are pasted outside the main application, if it is one for every two bookings."""
    known = effort.filter(pl.col("excursion_pastes_mean") >= 0.5)
    known = known.sort("excursion_pastes_mean", "activity", descending=[True, False])
    return known.row(0, named=True) if known.height else None


def short(text: str, width: int) -> str:
    """A text of at most `width` characters; what is cut is marked.

    >>> short("Invoice date", 8)
    'Invoice…'
    """
    return text if len(text) <= width else text[: width - 1].rstrip(" ·-+") + "…"


def split_activity(activity: str | None) -> tuple[str, str, str]:
    """Verb, object and place of an activity's name, each possibly empty.

    >>> split_activity("type into Amount · Invoice # - Enter - Horizon ERP")
    ('type into', 'Amount', 'Invoice # - Enter - Horizon ERP')
    >>> split_activity("Worklist - Horizon ERP")
    ('', 'Worklist - Horizon ERP', '')
    """
    head, dot, place = (activity or "").partition(" · ")
    verb = next((v for v in _VERBS if head.startswith(v + " ") or head == v), "")
    if not verb and dot:
        verb = head.partition(" ")[0]
    return verb, head[len(verb) :].strip(), place


_VERBS = (
    "type into",
    "paste into",
    "press key in",
    "shortcut in",
    "double-click",
    "right-click",
    "click",
    "drag",
    "shortcut",
    "copy",
    "cut",
    "view",
    "open",
    "comment",
    "use",
    "enter",
    "tab",
    "paste",
    "navigate",
    "edit",
)


def scale_of(
    names: Sequence[str], *, other: str = OTHER, missing: str = "", colours: Mapping[str, str] | None = None
) -> Any:
    """A colour scale: the names in their own or the palette's colours, what is other in grey, what is missing faint."""
    import altair as alt

    own = colours or {}
    domain, found = list(names), [own.get(name, PALETTE[i % len(PALETTE)]) for i, name in enumerate(names)]
    for name, colour in ((other, "#C3C9D1"), (missing, "#E4E8ED")):
        if name:
            domain, found = [*domain, name], [*found, colour]
    return alt.Scale(domain=domain, range=found)


def app_colours(events: pl.DataFrame) -> dict[str, str]:
    """Give each application a colour, so that all charts of a log show it alike.

    Parameters
    ----------
    events : events frame of `name_activities`.

    Returns
    -------
    Application → colour, in order of active time; grey for what was excluded and for more than the palette holds.

    >>> app_colours(pl.DataFrame({"app": ["mail", "erp"], "active_seconds": [1.0, 9.0]}))
    {'erp': '#0072B2', 'mail': '#E69F00'}
    """
    spent = events.drop_nulls("app").group_by("app").agg(pl.col("active_seconds").sum())
    names = spent.sort("active_seconds", "app", descending=[True, False])["app"].cast(pl.String).to_list()
    free = iter(PALETTE)
    return {name: GREY if name in PRIVATE else next(free, GREY) for name in names}


def of_enough_people(frame: pl.DataFrame, *, by: str = "task_id", min_people: int = MIN_PEOPLE) -> list[str]:
    """Name the tasks (or other values of a column) that were seen with enough people to be shown.

    Parameters
    ----------
    frame : segments or events frame with `user` and the column `by`.
    by : column of text.
    min_people : smallest group that is shown.

    Returns
    -------
    The values in their order; what is not in the list must not be named.

    >>> of_enough_people(pl.DataFrame({"user": ["a", "b", "a"], "task_id": ["T01", "T01", "T02"]}), min_people=2)
    ['T01']
    """
    seen = frame.drop_nulls(by).group_by(pl.col(by).cast(pl.String)).agg(people=pl.col("user").n_unique())
    return seen.filter(pl.col("people") >= min_people)[by].sort().to_list()


def select_tasks(
    frame: pl.DataFrame, tasks: Collection[str] | None, *, min_people: int = MIN_PEOPLE
) -> tuple[pl.DataFrame, str]:
    """The rows of tasks that may be shown, and the sentence about the others.

    Without `tasks` a task is shown if one of its rows alone rests on enough people: the rows tell no more.
    """
    if tasks is None:
        enough = frame.filter(pl.col("people").max().over("task_id") >= min_people)
    else:
        enough = frame.filter(pl.col("task_id").is_in(list(tasks)))
    count = frame["task_id"].n_unique() - enough["task_id"].n_unique()
    if not count:
        return enough, ""
    return enough, (
        f"{count_of(count, 'task')} seen with fewer than {min_people} people {'is' if count == 1 else 'are'} not shown."
    )


def keep_top(column: str, names: Sequence[str], *, other: str = OTHER) -> pl.Expr:
    """The column with everything that is not in `names` called `other`."""
    return pl.when(pl.col(column).is_in(list(names))).then(pl.col(column)).otherwise(pl.lit(other)).alias(column)


def aliases(users: Iterable[str]) -> dict[str, str]:
    """Names for one report, "Person A", "Person B" and so on, in an order that has nothing to do with what anyone did.

    >>> sorted(aliases(["p_1", "p_2"]).values())
    ['Person A', 'Person B']
    """
    ordered = sorted(set(users), key=lambda user: hashlib.sha256(user.encode()).hexdigest())
    return {user: f"Person {_letters(number)}" for number, user in enumerate(ordered)}


def _letters(number: int) -> str:
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def shown(frame: pl.DataFrame, min_people: int, *, within: str | None = None) -> tuple[pl.DataFrame, int]:
    """The rows that rest on enough people, and how many do not.

    On a page that leaves the room as many more are left out as it takes that none can be told by subtraction: what a chart
    draws adds up to a figure that is said somewhere. `within`: the column of a coarser picture whose parts are said too.
    """
    marked = suppress_small_groups(frame, k=min_people, exhaustive=shares_pages(), within=within)
    return marked.filter(~pl.col("hidden")).drop("hidden"), int(marked["hidden"].sum())


def leave_enough(drawn: pl.DataFrame, ways: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """The first ways; on a page that leaves the room one fewer where only ways of too few people would be summed up.

    Executions of all ways together are told elsewhere, so what is summed up can be worked out even if it is not said.
    """
    if not shares_pages() or drawn.height == ways.height:
        return drawn
    enough = (pl.col("people") >= min_people).sum()
    return drawn if ways.select(enough).item() > drawn.select(enough).item() else drawn.head(-1)


def smallest_group(events: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> int:
    """Smallest group that a chart or table of this log shows.

    Parameters
    ----------
    events : events or segments frame.
    min_people : smallest group that is wanted.

    Returns
    -------
    `min_people`, or 1 where the whole log has fewer people: then every row would be hidden, nothing is anonymous, and the
    posture card says so. On a page that leaves the room it stays `min_people`.

    >>> smallest_group(pl.DataFrame({"user": ["a", "b"]}), min_people=5)
    1
    """
    return min_people if shares_pages() or events["user"].n_unique() >= min_people else 1


def hidden_note(count: int, min_people: int, *, what: str, plural: str = "") -> str:
    """The sentence about what is hidden, or nothing."""
    if not count:
        return ""
    if shares_pages():  # some may be hidden only so that the others cannot be told by subtraction
        said = f"{count_of(count, what, plural)} {'is' if count == 1 else 'are'} hidden: seen with fewer than {min_people} people"
        return said + ("." if count == 1 else ", or next to one that is.")
    return f"{count:,} {what if count == 1 else plural or what + 's'} seen with fewer than {min_people} people " + (
        "is hidden." if count == 1 else "are hidden."
    )


def spaced(text: str) -> str:
    """A text whose percentages have a space before the sign.

    >>> spaced("43% of it")
    '43 % of it'
    """
    return re.sub(r"(\d)%", r"\1 %", text)


def largest(values: pl.Series) -> int:
    """The largest whole number of a column, 0 for an empty one."""
    return int(values.max() or 0)  # type: ignore[arg-type]


def people(count: int) -> str:
    """A number of people in words.

    >>> people(1)
    '1 person'
    """
    return f"{count:,} {'person' if count == 1 else 'people'}"


def count_of(count: int, what: str, plural: str = "") -> str:
    """A number of things in words.

    >>> count_of(1, "task"), count_of(2000, "task")
    ('1 task', '2,000 tasks')
    """
    return f"{count:,} {what if count == 1 else plural or what + 's'}"


def of_tasks(shown: int, whole: int) -> str:
    """How many tasks are shown, of how many if some are hidden.

    >>> of_tasks(9, 9), of_tasks(9, 10)
    ('9 tasks', '9 of 10 tasks')
    """
    return count_of(whole, "task") if shown == whole else f"{shown:,} of {count_of(whole, 'task')}"


def picker(name: str, label: str, options: Mapping[str, str], *, value: str | None = None) -> Any:
    """A drop-down list in the page that needs no kernel: value → what the reader sees."""
    import altair as alt

    box = alt.binding_select(options=list(options), labels=list(options.values()), name=f"{label}: ")
    return alt.param(name=name, value=value if value is not None else next(iter(options), ""), bind=box)


def duration_words() -> str:
    """A Vega expression function body for seconds in `datum.value` as an axis label."""
    return (
        "datum.value >= 3600 ? format(datum.value / 3600, '.3~g') + ' h' : datum.value >= 60 "
        "? format(datum.value / 60, '.3~g') + ' min' : format(datum.value, '.3~g') + ' s'"
    )


def seconds_in_words(seconds: float | None) -> str:
    """Seconds as a reader says them.

    >>> seconds_in_words(95.0), seconds_in_words(7200), seconds_in_words(None)
    ('1 min 35 s', '2.0 h', 'unknown')
    """
    if seconds is None:
        return "unknown"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 600:
        whole = round(seconds)
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36 * 3600 else f"{seconds / 86400:.1f} days"
