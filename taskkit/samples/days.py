"""Working days: who does what when, what interrupts it, and the clock of every row."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from taskkit.samples.invoice_tasks import (
    approve_after_answer,
    archive_scan,
    chat_title,
    enter_invoice,
    inbox_title,
    match_invoice,
    prepare_approval,
)
from taskkit.samples.office import CLOSES, OPENS, Instance, Office
from taskkit.samples.steps import Row, Script
from taskkit.samples.vendor_tasks import answer_query, change_vendor, reconcile_statement, release_vendor, run_payment
from taskkit.samples.world import TASKS, Person, midnight

INTERRUPTED, NOISE = 0.26, 0.068  # chances: of an instance to be interrupted, of a row to be followed by noise
IDLE_AFTER, LONGEST_WAIT, ALIVE_EVERY = 180.0, 150.0, 1_800.0  # seconds
EVENTS_A_DAY, EVENTS_A_BLOCK = 520, 40
ROWS_BETWEEN_BREAKS = 68  # a block ends with an instance, so more rows pass than it was planned for
BREAKS_INSIDE, LONGEST_BREAK = 0.45, 5_400.0  # share of breaks that fall into the middle of an instance; seconds
PAPER = 2.2  # standard deviations above which a wait becomes a look into a paper folder or a short call: 1.4 % of rows
_PRIVATE = ("window_focus", "click", "scroll", "click", "text_input")
_SPREAD = 0.8  # standard deviation of log seconds around a step's median


@dataclass
class Session:
    """One person's day at the desk: rows and, beside each, its second, length and true instance."""

    person: Person
    day: int
    rng: Random
    normal: np.random.Generator
    time: float
    end: float
    budget: int
    lunch: float
    block: float = 0.0
    had_lunch: bool = False
    private: bool = False
    rows: list[Row] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    instances: list[int | None] = field(default_factory=list)
    pending: list[tuple[float, int, Script, int, Instance]] = field(default_factory=list)
    opened: dict[int, float] = field(default_factory=dict)  # instance → second of its first ERP row
    before: Row | None = None  # a window that is still open from an earlier task


def work_days(office: Office, *, seed: int, days: int) -> Iterator[list[Session]]:
    """The sessions of one day after the other; people take work from their team's queues in the order of the clock."""
    for day in range(days):
        sessions = [_sit_down(seed, person, day) for person in office.people if comes(seed, person, day, days)]
        clock = [(session.time, place) for place, session in enumerate(sessions)]
        heapq.heapify(clock)
        while clock:
            _, place = heapq.heappop(clock)
            if _go_on(office, sessions[place]):
                heapq.heappush(clock, (sessions[place].time, place))
        office.sweep_payments(day)
        yield sessions


def comes(seed: int, person: Person, day: int, days: int) -> bool:
    """Whether a person is at work that day."""
    return days < 5 or Random(f"{seed} absent {person.index} {day}").random() >= 0.035


def _sit_down(seed: int, person: Person, day: int) -> Session:
    rng = Random(f"{seed} day {person.index} {day}")
    start = midnight(day) + OPENS + rng.triangular(-1_200, 1_200, 0)
    session = Session(
        person=person, day=day, rng=rng, normal=np.random.default_rng([seed, person.index, day]), time=start,
        end=midnight(day) + CLOSES + rng.triangular(-1_800, 1_800, 0), budget=round(rng.gauss(EVENTS_A_DAY, 45)),
        lunch=midnight(day) + 12 * 3_600 + rng.gauss(0, 1_500),
    )  # fmt: skip
    present(session, "session_start", start)
    session.block = EVENTS_A_BLOCK * rng.uniform(0.6, 1.3)
    _emit(None, session, [_window_row("outlook", inbox_title(rng))], None)
    return session


def present(session: Session, event_type: str, time: float, name: str | None = None) -> None:
    """Add a presence row: no program, no window."""
    session.rows.append(
        Row(None, None, None, event_type, name, None, None, None, None, 0.0, None, None, None, "presence")
    )
    session.times.append(time)
    session.lengths.append(0.0)
    session.instances.append(None)


# --------------------------------------------------------------------------------------------------- a person's day
def _go_on(office: Office, session: Session) -> bool:
    """Do the next thing of a person's day; False when the day is over."""
    rng, now = session.rng, session.time
    over = len(session.rows) >= session.budget or now >= session.end
    if over and not session.pending:
        present(session, "session_end", now + rng.uniform(4, 40))
        return False
    if session.pending and (over or session.pending[0][0] <= now):
        _resume(office, session)
        return True
    if not session.had_lunch and now >= session.lunch:
        _take_a_break(session)
        return True
    away = session.block <= 0
    if away and rng.random() > BREAKS_INSIDE:
        _take_a_break(session)
        return True
    script = pick_work(office, session)
    if script is None:
        _leave(session, rng.uniform(900, 2_100), "idle")
        return True
    if rng.random() < 0.5:
        session.time += rng.lognormvariate(math.log(9), 0.8)
    other = pick_work(office, session) if rng.random() < INTERRUPTED and not away else None
    _perform(office, session, script, other, away=away)
    return True


def _resume(office: Office, session: Session) -> None:
    due, _, script, part, instance = heapq.heappop(session.pending)
    if due > session.time:
        _leave(session, due - session.time, "idle")
    _emit(office, session, script.parts[part][1], instance)


def _take_a_break(session: Session) -> None:
    """Telephone, post, a meeting or coffee: as long as it takes to spread the day's work over the day."""
    rng = session.rng
    session.block = EVENTS_A_BLOCK * rng.uniform(0.6, 1.3)
    if not session.had_lunch and session.time >= session.lunch - 2_400:
        session.had_lunch = True
        _leave(session, rng.uniform(1_800, 3_000), "lock")
        return
    left = session.end - session.time - (0 if session.had_lunch else 2_400)
    rows = max(session.budget - len(session.rows), 1)
    blocks = max(rows / ROWS_BETWEEN_BREAKS, 1.0)
    seconds = max((left - rows * 9.0 * session.person.pace) / blocks * rng.lognormvariate(-0.06, 0.35), 240.0)
    seconds = min(seconds, max(session.end - session.time, 240.0), LONGEST_BREAK)
    if not session.private and rng.random() < 0.22:
        session.private = True
        _emit(None, session, [_private_row(kind) for kind in _PRIVATE[: rng.randint(2, 5)]], None)
    luck = rng.random()
    _leave(session, seconds, "pause" if luck < 0.05 else "lock" if luck < 0.45 else "idle")


def _leave(session: Session, seconds: float, how: str) -> None:
    begin, session.time = session.time, session.time + seconds
    if how == "lock":
        present(session, "lock", begin + session.rng.uniform(2, 9))
        present(session, "unlock", session.time)
    elif how == "pause":
        present(session, "pause", begin + session.rng.uniform(2, 9), "paused by the person")
        present(session, "resume", session.time, "resumed by the person")
    elif seconds > IDLE_AFTER:
        present(session, "idle_start", begin + IDLE_AFTER)
        present(session, "idle_end", session.time)


# ------------------------------------------------------------------------------------------------------ taking work
def pick_work(office: Office, session: Session) -> Script | None:
    """Take the next piece of work: an answered approval first, else from the team's queues, older work rather."""
    person, rng, now = session.person, session.rng, session.time
    own = office.carried.get(person.index)
    if own and own[0][0] <= now:
        return approve_after_answer(heapq.heappop(own)[2], person, rng)
    ready: list[str] = []
    weights: list[float] = []
    for task in TASKS:
        queue = office.queues.get((person.team, task))
        if queue and queue[0][0] <= now and person.affinity[task] > 0 and not _own_change(task, queue[0][2], person):
            ready.append(task)
            weights.append(person.affinity[task] * math.sqrt(0.5 + (now - queue[0][0]) / 3_600))
    if not ready:
        return None
    task = rng.choices(ready, weights)[0]
    what = heapq.heappop(office.queues[person.team, task])[2]
    return _SCRIPTS[task](office, session, what)


def _own_change(task: str, what: Any, person: Person) -> bool:
    return task == "change vendor data" and what[1] == person.index


def _change(office: Office, session: Session, what: Any) -> Script:
    vendor, author = what
    if author is not None:
        return release_vendor(vendor, session.person, session.rng)
    if sum(person.team == session.person.team for person in office.people) > 1:
        ready = session.time + session.rng.lognormvariate(8.0, 0.7)
        office.wait_for(session.person.team, "change vendor data", ready, (vendor, session.person.index))
    return change_vendor(vendor, session.person, session.rng)


def _pay(office: Office, session: Session, what: Any) -> Script:
    items = office.payable.get(session.person.team, [])
    size = session.rng.randint(4, 9)
    office.payable[session.person.team] = items[size:]
    return run_payment([invoice for _, invoice in items[:size]], what, session.person, session.rng)


def _reconcile(office: Office, session: Session, what: Any) -> Script:
    return reconcile_statement(what, office.entered.get(what.number, [])[-8:], session.person, session.rng)


_SCRIPTS: dict[str, Callable[[Office, Session, Any], Script]] = {
    "enter invoice": lambda office, session, what: enter_invoice(what, session.person, session.rng),
    "three-way match": lambda office, session, what: match_invoice(
        what, session.person, session.rng, seconds_left=session.end - session.time
    ),
    "prepare approval": lambda office, session, what: prepare_approval(what, session.person, session.rng),
    "answer vendor query": lambda office, session, what: answer_query(what[0], what[1], session.person, session.rng),
    "payment run": _pay,
    "change vendor data": _change,
    "reconcile statement": _reconcile,
    "archive scans": lambda office, session, what: archive_scan(what, session.person, session.rng),
}


# ------------------------------------------------------------------------------------------------------- doing work
def _perform(
    office: Office, session: Session, script: Script, other: Script | None = None, *, away: bool = False
) -> None:
    """Do a script, at times suspended by another one or by a break; what must wait for somebody is kept for later."""
    instance = office.begin(session.person, script.task, script.variant, script.case)
    rows = script.parts[0][1]
    cut = session.rng.randint(3, len(rows) - 3) if (other or away) and len(rows) > 8 else len(rows)
    _emit(office, session, rows[:cut], instance)
    if other is not None:
        _perform(office, session, other)
    if away:
        _take_a_break(session)
    if cut < len(rows):
        back = rows[cut - 1]
        if rows[cut].event_type != "window_focus":
            rows = [*rows[:cut], back_to(back), *rows[cut:]]
        _emit(office, session, rows[cut:], instance)
    session.before = rows[-1]
    for part, (seconds, _) in enumerate(script.parts[1:], 1):
        due = session.time + seconds
        if due < session.end - 1_200 or script.task != "prepare approval" or script.invoice is None:
            heapq.heappush(session.pending, (due, len(office.instances) * 10 + part, script, part, instance))
        else:
            office.carry(session.person, due, script.invoice)


def _emit(office: Office | None, session: Session, rows: list[Row], instance: Instance | None) -> None:
    """Give rows their clock and append them; what the ERP books goes to the office."""
    person = session.person
    if instance is not None:
        rows = _with_noise(session, rows)
        session.block -= len(rows)
    pace = person.pace * (person.task_pace[instance.task] if instance else 1.0)
    draws = session.normal.standard_normal((3, len(rows)))
    waits = np.array([row.wait for row in rows]) * pace * np.exp(_SPREAD * draws[0])
    waits = np.minimum(waits + np.where(draws[2] > PAPER, 40.0 * np.exp(0.6 * draws[1]), 0.0), LONGEST_WAIT)
    typed = np.array([len(row.value or "") if row.event_type == "text_input" else 0 for row in rows])
    lengths = typed * person.key_seconds * np.exp(0.2 * draws[1])
    lengths += np.array([2.5 if row.event_type == "scroll" else 0.0 for row in rows]) * np.exp(0.5 * draws[1])
    # whole milliseconds: the last bit of exp() differs between processors and must not reach the file
    waits, lengths = waits.round(3), lengths.round(3)
    ends = session.time + np.cumsum(waits + lengths)
    starts = (ends - lengths).tolist()
    number = instance.number if instance else None
    session.rows += rows
    session.times += starts
    session.lengths += lengths.tolist()
    session.instances += [number if row.kind == "task" else None for row in rows]
    session.time = float(ends[-1]) if rows else session.time
    if office is None or instance is None:
        return
    for row, second in zip(rows, starts, strict=True):
        if row.app == "chrome" and number is not None:
            session.opened.setdefault(number, second)
        if row.commit is not None and instance is not None:
            activity, cases = row.commit
            known = session.opened.get(instance.number) if activity in ("Enter invoice", "Match invoice") else None
            for case in cases:
                office.commit(activity, case, second, person, known)


# ------------------------------------------------------------------------------------------------------------ noise
def _with_noise(session: Session, rows: list[Row]) -> list[Row]:
    """Add what belongs to no task: glances at chat and mail, flickering windows, stray clicks."""
    rng, out = session.rng, []
    for row in rows:
        out.append(row)
        if rng.random() < NOISE and row.commit is None:
            out += _noise(session, row)
    return out


def _noise(session: Session, row: Row) -> list[Row]:
    rng = session.rng
    luck = rng.random()
    if luck < 0.28:
        chat = _window_row("teams", chat_title(rng.choice(_CHATS)), kind="noise")
        glance = chat._replace(event_type=rng.choice(("click", "scroll")), role="list item", element="Message")
        return [chat, glance, back_to(row)]
    if luck < 0.5:
        mail = _window_row("outlook", inbox_title(rng), kind="noise")
        glance = mail._replace(event_type="click", role="list item", element_id="mailList", element=rng.choice(_MAILS))
        return [mail, glance, back_to(row)]
    if luck < 0.65:
        last = session.before
        other = (
            last if last is not None and last.app != row.app else _window_row("explorer", "Downloads - File Explorer")
        )
        flicker = _window_row(other.app, other.title, other.url, shown=other.shown, wait=0.4, kind="noise")
        return [flicker, back_to(row)._replace(wait=0.5)]
    kind = "click" if luck < 0.88 else "scroll"
    return [row._replace(event_type=kind, event_name=None, role="pane", element_id=None, element=None, value=None,
                           wait=2.0, shown=None, case=None, kind="noise", made=None)]  # fmt: skip


_CHATS = ("Accounts payable", "Team lead", "Lunch group", "All hands", "Purchasing", "Treasury")
_MAILS = ("Newsletter", "Canteen menu", "Meeting moved", "IT maintenance tonight", "Out of office", "Travel policy")


def back_to(row: Row) -> Row:
    """The return to a row's window: it belongs to what is done there."""
    return _window_row(row.app, row.title, row.url, shown=row.shown, kind=row.kind)._replace(case=row.case)


def _window_row(
    app: str | None, title: str | None, url: str | None = None, *, shown: str | None = None, wait: float = 1.5,
    kind: str = "between",
) -> Row:  # fmt: skip
    return Row(app, title, url, "window_focus", None, None, None, None, None, wait, shown, None, None, kind)


def _private_row(event_type: str) -> Row:
    return Row("excluded", None, None, event_type, None, None, None, None, None, 20.0, None, None, None, "private")
