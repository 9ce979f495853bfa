"""The office's shared state: work that waits for a team, what the ERP books, and which instance of which task is whose."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from random import Random
from typing import Any

from taskkit.privacy import pseudonym
from taskkit.samples.invoice_tasks import SHORT_WAIT
from taskkit.samples.world import (
    DAY,
    SAMPLE_KEY,
    Invoice,
    Person,
    Vendor,
    calendar_day,
    make_invoices,
    make_people,
    make_vendors,
    midnight,
)

ERP_SKEW = 14.0  # seconds that the ERP's clock runs ahead of the desktops
OPENS, CLOSES = 8 * 3_600.0, 17 * 3_600.0
_STAGES = {"Enter invoice": "three-way match", "Match invoice": "prepare approval", "Approve invoice": "archive scans"}


@dataclass
class Booking:
    """One event of the ERP's own log; times in seconds after the first midnight, by the ERP's clock."""

    case: str
    activity: str
    time: float
    start: float | None
    resource: str


@dataclass
class Instance:
    """One true task instance."""

    number: int
    person: Person
    task: str
    variant: str
    case: str | None


@dataclass
class Office:
    """Everything that outlasts one person's day."""

    people: list[Person]
    invoices: dict[str, Invoice]
    days: int
    rng: Random
    vendors: dict[str, list[Vendor]]
    queues: dict[tuple[str, str], list[tuple[float, int, Any]]] = field(default_factory=dict)
    carried: dict[int, list[tuple[float, int, Invoice]]] = field(default_factory=dict)
    payable: dict[str, list[tuple[float, Invoice]]] = field(default_factory=dict)
    entered: dict[str, list[Invoice]] = field(default_factory=dict)  # by vendor number
    bookings: list[Booking] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    done: dict[str, set[str]] = field(default_factory=dict)  # case → activities that were booked
    _tickets: int = 0

    def wait_for(self, team: str, task: str, ready: float, what: Any) -> None:
        """Put work into a team's queue."""
        self._tickets += 1
        heapq.heappush(self.queues.setdefault((team, task), []), (ready, self._tickets, what))

    def carry(self, person: Person, ready: float, invoice: Invoice) -> None:
        """Keep an answered approval for the person's next day."""
        self._tickets += 1
        heapq.heappush(self.carried.setdefault(person.index, []), (ready, self._tickets, invoice))

    def begin(self, person: Person, task: str, variant: str, case: str | None) -> Instance:
        """Start a true task instance."""
        instance = Instance(len(self.instances), person, task, variant, case)
        self.instances.append(instance)
        return instance

    def book(self, activity: str, case: str, time: float, resource: str, *, start: float | None = None) -> None:
        """Write an event into the ERP's log; `time` by the ERP's clock."""
        self.bookings.append(Booking(case, activity, time, start, resource))
        self.done.setdefault(case, set()).add(activity)

    def commit(self, activity: str, case: str, time: float, person: Person, start: float | None) -> None:
        """A person's click was booked: log it and let the case move on."""
        shift = ERP_SKEW + person.erp_jitter
        self.book(activity, case, time + shift + self.rng.uniform(0.3, 2.5), person.user,
                  start=None if start is None else start + shift)  # fmt: skip
        self.move_on(activity, self.invoices[case], time)

    def move_on(self, activity: str, invoice: Invoice, time: float) -> None:
        """Send a case to whoever is next."""
        rng, team = self.rng, invoice.vendor.team
        if activity == "Enter invoice":
            self.entered.setdefault(invoice.vendor.number, []).append(invoice)
        if activity == "Park invoice":
            self.wait_for(team, "three-way match", time + 0.9 * DAY, invoice)
        elif activity == "Request approval":
            answered = in_office_hours(time + rng.lognormvariate(0, 0.7) * SHORT_WAIT, rng)
            self.book("Approve invoice", invoice.number, answered + ERP_SKEW, outsider(2 + int(invoice.digits) % 4))
            self.move_on("Approve invoice", invoice, answered)
        elif activity == "Enter invoice" and not invoice.order:
            self.wait_for(team, "prepare approval", time + rng.lognormvariate(8.2, 0.7), invoice)
        elif activity in _STAGES:
            if activity == "Approve invoice":
                self.payable.setdefault(team, []).append((time, invoice))
            if activity == "Approve invoice" and rng.random() < 0.12:
                night = (time // DAY) * DAY + 22 * 3_600.0 + rng.uniform(0, 900)
                self.book("Archive document", invoice.number, night, "BATCH")
            else:
                self.wait_for(team, _STAGES[activity], time + rng.lognormvariate(8.2, 0.7), invoice)

    def sweep_payments(self, day: int) -> None:
        """At night the ERP pays what nobody put into a run within two days."""
        night = midnight(day) + 21 * 3_600.0
        for team, items in self.payable.items():
            old = [invoice for time, invoice in items if time < night - 2 * DAY]
            self.payable[team] = [item for item in items if item[0] >= night - 2 * DAY]
            for invoice in old:
                self.book("Release payment", invoice.number, night + self.rng.uniform(0, 600), "BATCH")


def outsider(number: int) -> str:
    """Pseudonym of somebody in the ERP's log who was never recorded."""
    return pseudonym(f"sample outsider {number:02d}", key=SAMPLE_KEY)


def in_office_hours(time: float, rng: Random) -> float:
    """The time itself, or a moment early on the next working day."""
    day, second = divmod(time, DAY)
    if second > CLOSES:
        day, second = day + 1, 0.0
    if second < OPENS:
        second = OPENS + rng.uniform(300, 5_400)
    while day % 7 > 4:
        day += 1
    return day * DAY + second


def open_office(seed: int, people: int, days: int) -> Office:
    """People, vendors and invoices, and the work that waits before the first day and arrives during the recording."""
    staff = make_people(seed, people)
    teams = tuple(dict.fromkeys(person.team for person in staff))
    vendors: dict[str, list[Vendor]] = {team: [] for team in teams}
    for vendor in make_vendors(seed, teams):
        vendors[vendor.team].append(vendor)
    office = Office(
        people=staff,
        invoices={invoice.number: invoice for invoice in make_invoices(seed, staff, days)},
        days=days,
        rng=Random(f"{seed} office"),
        vendors=vendors,
    )
    for invoice in office.invoices.values():
        office.book("Receive invoice", invoice.number, invoice.arrival, "BATCH")
        if invoice.kind == "recorded":
            office.wait_for(invoice.vendor.team, "enter invoice", invoice.arrival + 600, invoice)
        elif invoice.kind == "earlier":
            _begin_earlier(office, invoice)
        else:
            _work_outside(office, invoice)
    for day in range(days):
        for team in teams:
            _plan_other_work(office, team, day, sum(person.team == team for person in staff))
    return office


def _begin_earlier(office: Office, invoice: Invoice) -> None:
    """Steps that recorded people did in the week before the recording."""
    rng = office.rng
    mates = [person for person in office.people if person.team == invoice.vendor.team]
    time = in_office_hours(invoice.arrival + rng.lognormvariate(8.5, 0.6), rng)
    steps = (
        ["Enter invoice", "Match invoice", "Approve invoice"] if invoice.order else ["Enter invoice", "Approve invoice"]
    )
    last = rng.randint(1, len(steps))
    for place, activity in enumerate(steps[:last]):
        if place:
            later = in_office_hours(time + rng.lognormvariate(9.2, 0.7), rng)
            if later > 0:
                last = place
                break
            time = later
        office.book(activity, invoice.number, min(time, -1.0) + ERP_SKEW, rng.choice(mates).user)
    office.move_on(steps[last - 1], invoice, time)


def _work_outside(office: Office, invoice: Invoice) -> None:
    """A case that people outside of the recording work on, from beginning to end."""
    rng, time = office.rng, invoice.arrival
    steps = [("Enter invoice", 8.8), ("Match invoice", 9.0), ("Approve invoice", 9.6), ("Archive document", 8.8),
             ("Release payment", 11.0)]  # fmt: skip
    for activity, median in steps:
        if activity == "Match invoice" and not invoice.order:
            continue
        time = in_office_hours(time + rng.lognormvariate(median, 0.7), rng)
        office.book(activity, invoice.number, time + ERP_SKEW, outsider(10 + rng.randrange(5)))


def _plan_other_work(office: Office, team: str, day: int, people: int) -> None:
    """Queries, payment runs, master data and statements of one day: work that no invoice brings by itself."""
    rng, start = office.rng, midnight(day)
    numbers = list(office.invoices.values())
    for _ in range(_about(rng, 1.25 * people)):
        ready = start + rng.uniform(OPENS - 3_600, CLOSES - 3_600)
        place = _place(numbers, ready)
        recent = numbers[max(0, place - 120) : place]
        seen = [i for i in recent if i.vendor.team == team and i.kind != "outside"]
        invoice = rng.choice(seen) if seen and rng.random() < 0.8 else None
        vendor = invoice.vendor if invoice else rng.choice(office.vendors[team])
        office.wait_for(team, "answer vendor query", ready, (invoice, vendor))
    for hour in (10.5, 14.0)[: 2 if people > 2 else 1]:
        office.wait_for(
            team, "payment run", start + hour * 3_600 + rng.uniform(0, 1_800), calendar_day(day).isoformat()
        )
    for _ in range(_about(rng, 0.42 * people)):
        vendor = rng.choice(office.vendors[team])
        office.wait_for(team, "change vendor data", start + rng.uniform(OPENS, CLOSES - 7_200), (vendor, None))
    for _ in range(_about(rng, 0.62 * people)):
        vendor = rng.choice(office.vendors[team])
        office.wait_for(team, "reconcile statement", start + rng.uniform(OPENS, CLOSES - 7_200), vendor)


def _about(rng: Random, mean: float) -> int:
    return max(0, math.floor(mean + rng.uniform(0, 1) + rng.gauss(0, 0.25 * math.sqrt(mean))))


def _place(invoices: list[Invoice], time: float) -> int:
    low, high = 0, len(invoices)
    while low < high:
        middle = (low + high) // 2
        if invoices[middle].arrival <= time:
            low = middle + 1
        else:
            high = middle
    return low
