"""The office of the sample: its people and their habits, its vendors and their invoices. All invented."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from taskkit.privacy import pseudonym

# Published on purpose: the sample holds no real person. A real engagement makes its own key (taskkit.privacy.make_key).
SAMPLE_KEY = b"taskkit sample key, not a secret"
FIRST_DAY = date(2026, 3, 2)  # a Monday
UTC_OFFSET_MINUTES = 60
DAY = 86_400.0
TEAMS = ("north", "south")
APPROVAL_LIMIT = 2_000.0  # above it, or without a purchase order, somebody else must agree

TASKS = (
    "enter invoice", "three-way match", "prepare approval", "answer vendor query", "payment run", "change vendor data",
    "reconcile statement", "archive scans",
)  # fmt: skip

# planted team habits: mean probability; every person has an own value around it
REKEYS = {"north": 0.15, "south": 0.75}
USES_SHEET = {"north": 0.40, "south": 0.88}
USES_PRICE_LIST = {"north": 0.5, "south": 0.5}
# standard deviations between people: logit, logit, log seconds
_HABIT_SPREAD, _PERSONAL_SPREAD, _SPEED_SPREAD = 0.4, 1.5, 0.10
_TASK_SPREADS = {"three-way match": 0.38}  # log seconds; other tasks 0.06

_VENDORS = (
    "Nordwind", "Talbach", "Ostermark", "Brunnthal", "Kestrelpapier", "Lindhof", "Fernsee", "Graufels", "Hollerbusch",
    "Immenrode", "Jarnvik", "Koppelberg", "Lauterquell", "Moorgarten", "Nebelhorst", "Oderblick", "Pappelhain",
    "Quellmoos", "Rabental", "Silberau", "Tannwerk", "Uferlicht", "Vogelmatt", "Wintersand", "Ysselkamp", "Zirbelwerk",
    "Amselgrund", "Birkenloh", "Cronsberg", "Dornfeld", "Elsterbrueck", "Finkenau", "Ginsterhof", "Haselruh", "Irismoor",
    "Juniperwerk",
)  # fmt: skip
_COUNTRIES = ("DE", "DE", "DE", "AT", "NL", "PL", "FR")
_FORMS = {"DE": "GmbH", "AT": "GmbH", "NL": "BV", "PL": "Sp. z o.o.", "FR": "SARL"}
_TAX_CODES = {"DE": "V19", "AT": "V20", "NL": "E21", "PL": "E23", "FR": "E25"}
_CENTRES = ("4110", "4120", "4200", "4310", "4480", "4520", "4600", "4710")
_TERMS = ("Z014", "Z030", "Z030", "Z045", "Z060")
ACCOUNTS = ("640000", "641200", "655000", "660300", "672000", "680100", "690500")


@dataclass(frozen=True)
class Person:
    """One recorded person: a pseudonym, a team and habits that differ from one colleague to the next."""

    index: int
    user: str
    team: str
    pace: float  # factor on every waiting time
    task_pace: dict[str, float]
    affinity: dict[str, float]
    key_seconds: float  # per typed character
    rekeys: float  # probability of typing what could be copied
    uses_sheet: float
    uses_price_list: float
    tabs: float  # probability of going to the next field by keyboard
    erp_jitter: float  # seconds that the ERP's stamp is off for this person's machine, beside the ERP's own skew


@dataclass(frozen=True)
class Vendor:
    """A supplier; country, tax code, cost centre and terms hang on it."""

    number: str
    name: str
    short: str
    country: str
    tax_code: str
    cost_centre: str
    terms: str
    team: str


@dataclass(frozen=True)
class Invoice:
    """One case of the process."""

    number: str
    vendor: Vendor
    amount: float
    order: str  # purchase order, empty without one
    receipt: str
    article: str
    price: str
    invoice_date: str
    due_date: str
    arrival: float  # seconds after local midnight of the first day
    new_vendor: bool
    kind: str  # recorded, earlier (begun before the recording), outside (worked by people who were not recorded)

    @property
    def digits(self) -> str:
        """The number as the ERP's addresses show it."""
        return self.number.removeprefix("INV-")

    @property
    def amount_text(self) -> str:
        """The amount as forms and documents show it."""
        return f"{self.amount:,.2f}"

    @property
    def file(self) -> str:
        """Name of the PDF that came with the mail."""
        return f"{self.number}_{self.vendor.short}.pdf"

    @property
    def scan_day(self) -> str:
        """Day on which its paper was scanned."""
        return (FIRST_DAY + timedelta(days=int(self.arrival // DAY))).isoformat()

    @property
    def needs_agreement(self) -> bool:
        """Whether somebody else must agree before it can be approved."""
        return self.amount > APPROVAL_LIMIT or not self.order


def calendar_day(working_day: int) -> date:
    """Calendar day of the n-th working day of the recording; negative ones lie before it.

    >>> calendar_day(5).isoformat()
    '2026-03-09'
    """
    weeks, weekday = divmod(working_day, 5)
    return FIRST_DAY + timedelta(days=7 * weeks + weekday)


def midnight(working_day: int) -> float:
    """Seconds from the first day's local midnight to that of the n-th working day."""
    return (calendar_day(working_day) - FIRST_DAY).days * DAY


def epoch() -> datetime:
    """The first day's local midnight in UTC: the zero of all seconds in this package."""
    return datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC) - timedelta(minutes=UTC_OFFSET_MINUTES)


def make_people(seed: int, people: int) -> list[Person]:
    """The recorded people: the first half is team north."""
    out = []
    for index in range(people):
        rng = Random(f"{seed} person {index}")
        team = TEAMS[0] if index < (people + 1) // 2 else TEAMS[1]
        payer = index % max((people + 1) // 2, 1) < 2  # payment runs are made by two people of a team
        affinity = {task: rng.lognormvariate(0.0, 0.5) for task in TASKS}
        affinity["payment run"] = 8.0 if payer else 0.0
        out.append(
            Person(
                index=index,
                user=pseudonym(f"sample person {index + 1:02d}", key=SAMPLE_KEY),
                team=team,
                pace=rng.lognormvariate(0.0, _SPEED_SPREAD),
                task_pace={task: rng.lognormvariate(0.0, _TASK_SPREADS.get(task, 0.06)) for task in TASKS},
                affinity=affinity,
                key_seconds=rng.lognormvariate(math.log(0.34), 0.12),
                rekeys=_habit(rng, REKEYS[team]),
                uses_sheet=_habit(rng, USES_SHEET[team]),
                uses_price_list=_habit(rng, USES_PRICE_LIST[team], _PERSONAL_SPREAD),
                tabs=rng.uniform(0.15, 0.8),
                erp_jitter=round(rng.uniform(-3.0, 3.0), 1),
            )
        )
    return out


def make_vendors(seed: int, teams: tuple[str, ...]) -> list[Vendor]:
    """The suppliers, shared out between the teams."""
    rng, out = Random(f"{seed} vendors"), []
    for index, short in enumerate(_VENDORS):
        country = rng.choice(_COUNTRIES)
        out.append(
            Vendor(
                number=f"V-{20_100 + 7 * index}",
                name=f"{short} {_FORMS[country]}",
                short=short,
                country=country,
                tax_code=_TAX_CODES[country],
                cost_centre=rng.choice(_CENTRES),
                terms=rng.choice(_TERMS),
                team=teams[index % len(teams)],
            )
        )
    return out


def make_invoices(seed: int, people: list[Person], days: int) -> list[Invoice]:
    """The cases: new ones every day, some begun in the week before, some that nobody recorded ever touches."""
    rng = Random(f"{seed} invoices")
    teams = tuple(team for team in TEAMS if any(person.team == team for person in people))
    vendors = make_vendors(seed, teams)
    plan: list[tuple[float, str]] = [
        (midnight(-rng.randint(1, 4)) + 3_600 * rng.uniform(6.5, 14), "earlier")
        for _ in range(round(2.0 * len(people)))
    ]
    for day in range(days):
        fresh = round(3.15 * len(people) + rng.gauss(0, 0.3 * math.sqrt(len(people))))
        for _ in range(max(fresh, 1)):
            hour = 6.5 if rng.random() < 0.45 else float(rng.randint(7, 15))
            kind = "outside" if rng.random() < 0.14 else "recorded"
            plan.append((midnight(day) + 3_600 * hour + rng.randint(0, 240), kind))
    return [
        _invoice(rng, 104_100 + 3 * place, arrival, kind, vendors) for place, (arrival, kind) in enumerate(sorted(plan))
    ]


def _invoice(rng: Random, digits: int, arrival: float, kind: str, vendors: list[Vendor]) -> Invoice:
    vendor = vendors[min(int(rng.expovariate(1 / 11)), len(vendors) - 1)]
    written = FIRST_DAY + timedelta(days=int(arrival // DAY) - rng.randint(1, 6))
    order = f"PO-45{rng.randint(10_000, 99_999)}" if rng.random() < 0.72 else ""
    return Invoice(
        number=f"INV-{digits}",
        vendor=vendor,
        amount=round(rng.lognormvariate(math.log(1_100), 1.05), 2),
        order=order,
        receipt=f"GR-50{rng.randint(10_000, 99_999)}",
        article=f"A-{rng.randint(1000, 9999)}",
        price=f"{rng.uniform(2, 400):.2f}",
        invoice_date=written.isoformat(),
        due_date=(written + timedelta(days=int(vendor.terms[1:]))).isoformat(),
        arrival=arrival,
        new_vendor=kind == "recorded" and rng.random() < 0.055,
        kind=kind,
    )


def _habit(rng: Random, mean: float, spread: float = _HABIT_SPREAD) -> float:
    return 1 / (1 + math.exp(-(math.log(mean / (1 - mean)) + rng.gauss(0, spread))))
