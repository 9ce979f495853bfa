"""Screens from titles: which parts of a text change with the record, and which name the screen."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import polars as pl

from taskkit.activities.numbers import number

SLOT = "‹…›"
NUMBER = "#"
SLOT_VALUES = 12  # without any other evidence, a place that takes this many texts is a slot
KNOWN_VALUES = 8  # … and this many where the same things are done whatever the text
PROFILE_CAP = 30.0  # events that a text's profile counts for at most: visits differ, so more would only look certain
ALIKE = 0.6  # Bhattacharyya coefficient: two texts so alike are one screen, however sure the counts are that they differ a little
CLUSTERS = 20  # ways of use that a text is compared with; what is rarer stays a name
MOST_PARTS = 12  # parts of a text that may be slots; the rest of a longer one counts as its last part
PASSES = 4
MOST_KNOWN = 1 << 17  # texts that are remembered with what was made of them

_LONG = r"[0-9]{4,}"  # too long for a short code: which number it is changes nothing
_NUMBERS = r"[0-9]+(?:[.,:/-][0-9]+)*"  # numbers, dates, times, amounts and counters
_IDS = r"(?i)(?:[a-f-]*#){4,}[a-f]*"  # what is left of a long hexadecimal id
# short codes that letters and digits make together: ME21N, VA01, Sheet2, U1; cells of a sheet are none
_CODE = r"\b(\p{L}+)([0-9]{1,3})(\p{L}{0,2})\b"
_CELL = r"^\$?[A-Za-z]{1,3}\$?[0-9]+(:\$?[A-Za-z]{1,3}\$?[0-9]+)?$"
_HIDE = str.maketrans({str(n): chr(0xE100 + n) for n in range(10)})
_SHOW = str.maketrans({chr(0xE100 + n): str(n) for n in range(10)})
# what programs add to a title and take away again: counters of news, other tabs, marks of unsaved changes
_NEWS = r"^(?:\(#\+?(?: \w+)?\) |[*●•🔎] ?)+"
_TABS = r" and # more pages?( - |$)|(?:^| )[*●•]$"
_PARTS = re.compile(r"( [-–—|·>»] | \| |: )")
_URL_PARTS = re.compile(r"(/)")
_DOCUMENT = re.compile(r"(_|\.(?=\w{2,4}$))")  # inside a document's name
_EXTENSION = re.compile(
    r"\S\.(pdf|xls[xmb]?|doc[xm]?|ppt[xm]?|csv|txt|msg|eml|xml|json|png|jpe?g|tiff?|zip)$", re.IGNORECASE
)

Profile = Mapping[str, float]  # what was done while the text was shown → how often


@dataclass
class Templates:
    """What was learnt of one application's texts, pass by pass: the contexts in which a place is a slot."""

    passes: list[dict[tuple[str, ...], _Slot]] = field(default_factory=list)
    # part after part of a log has the same texts
    _known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def template(self, text: str) -> str:
        """The text (see `plain_texts`) with its slots as ‹…›."""
        known = self._known.get(text)
        if known is None:
            known = self._template(text)
            if len(self._known) < MOST_KNOWN:
                self._known[text] = known
        return known

    def _template(self, text: str) -> str:
        shape = split(text)
        for slots in self.passes:
            shape = _generalise(shape, slots)
        return "".join(shape) or text

    def as_lists(self) -> list[Any]:
        """What was learnt as plain lists, such as a JSON file holds; `from_lists` reads it back."""
        return [
            [[list(context), dict(sorted(slot.kept.items())), slot.other] for context, slot in sorted(slots.items())]
            for slots in self.passes
        ]

    @classmethod
    def from_lists(cls, given: list[Any]) -> Templates:
        """The templates that `as_lists` wrote."""
        return cls([{tuple(context): _Slot(kept, other) for context, kept, other in slots} for slots in given])


@dataclass(frozen=True)
class _Slot:
    kept: Mapping[str, str]  # value → what stands for it; values that are not there take `other`
    other: str


def plain_texts(texts: pl.Series, *, counted: frozenset[str] | None = None) -> pl.Series:
    """Texts with their numbers as #, spaces folded and counters of news and other tabs taken out; empty ones are null.

    Short codes of letters and digits ("ME21N") name a screen and stay, as long as there are only few of one form;
    `counted` are the forms of which there are many (`count_forms`), where that is known from other texts.

    >>> plain_texts(pl.Series(["(3) Inbox (12) - Mail", " "])).to_list()
    ['Inbox (#) - Mail', None]
    """
    short = texts.cast(pl.String).str.replace_all(_LONG, "0000")
    # without their long numbers few are left: the rest is done once for each
    numbers, first = number(short.hash())
    few = short.gather(first).to_list()
    known: dict[str | None, str | None] = {} if counted is None else _known_plain(counted)
    new = [text for text in few if text not in known]
    made = dict(zip(new, _plain(pl.Series(new, dtype=pl.String), counted), strict=True)) if new else {}
    plain = [made[text] if text in made else known[text] for text in few]
    if len(known) < MOST_KNOWN:
        known.update(made)
    return pl.Series(texts.name, plain, dtype=pl.String).gather(numbers)


@lru_cache(maxsize=4)
def _known_plain(counted: frozenset[str]) -> dict[str | None, str | None]:
    """What was made of texts where these forms are numbers: part after part of a log has the same texts."""
    return {}


def _plain(short: pl.Series, counted: frozenset[str] | None) -> list[str | None]:
    rough = pl.col("text").str.replace_all(_NUMBERS, NUMBER).str.replace_all(_IDS, NUMBER)
    text = rough.str.replace_all(r"\s+", " ").str.strip_chars()
    bare = text.str.replace(_NEWS, "").str.replace(_TABS, "$1").str.strip_chars()
    kept = pl.when(bare.str.len_bytes() > 0).then(bare).otherwise(text)
    table = pl.DataFrame({"text": _hide_codes(short, counted)})
    plain = table.select(pl.when(text.str.len_bytes() > 0).then(kept)).to_series()
    return [text and text.translate(_SHOW) for text in plain]


def count_forms(texts: pl.Series) -> frozenset[str]:
    """The forms of short codes of which there are so many that they are numbers after all ("T#").

    >>> sorted(count_forms(pl.Series([f"T{n} open" for n in range(20)] + ["VA01"])))
    ['T#']
    """
    _, codes = _find_codes(texts.cast(pl.String))
    return frozenset(codes.filter(pl.len().over("form") >= SLOT_VALUES)["form"])


def _find_codes(texts: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """The different texts with short codes in them, and each code with its form."""
    found = texts.filter((texts.str.contains(_CODE) & ~texts.str.contains(_CELL)).fill_null(False)).unique()
    codes = found.str.extract_all(_CODE).explode().unique().drop_nulls()
    return found, pl.DataFrame({"code": codes, "form": codes.str.replace_all(r"[0-9]+", NUMBER)})


def _hide_codes(texts: pl.Series, counted: frozenset[str] | None) -> pl.Series:
    """Texts in which the digits of short codes are out of the way; a form with many codes is a number after all."""
    found, codes = _find_codes(texts)
    if found.is_empty():
        return texts
    many = count_forms(found) if counted is None else counted
    names = codes.filter(~pl.col("form").is_in(list(many)))["code"].sort().to_list()
    if not names:
        return texts
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, names)) + r")\b")
    hidden = [pattern.sub(lambda match: match[0].translate(_HIDE), text) for text in found]
    return texts.replace(found, pl.Series(hidden, dtype=pl.String))


def split(text: str) -> tuple[str, ...]:
    """Parts and separators of a plain title, name or address in turn.

    >>> split("Inbox (#) - Outlook"), split("offer_Miller.pdf")
    (('Inbox (#)', ' - ', 'Outlook'), ('offer', '_', 'Miller', '.', 'pdf'))
    """
    if "://" in text:
        return _bounded(_URL_PARTS.split(text.split("://", 1)[1].rstrip("/")))
    parts = _PARTS.split(text)
    if not _EXTENSION.search(parts[0]):
        return _bounded(parts)
    return _bounded([*_DOCUMENT.split(parts[0]), *parts[1:]])


def _bounded(parts: list[str]) -> tuple[str, ...]:
    most = 2 * MOST_PARTS - 1
    return tuple(parts) if len(parts) <= most else (*parts[: most - 1], "".join(parts[most - 1 :]))


def learn_templates(profiles: Mapping[str, Profile], *, groups: Mapping[str, str] | None = None) -> Templates:
    """Learn which places of an application's texts are slots.

    A text (see `plain_texts`) is split at its separators. A place is a slot if, all other places being equal, it takes many
    different texts and knowing the text does not help to say what is done on the screen: the counts of what was done are
    more probable under one shared Dirichlet-multinomial distribution than under one for each text, or nearly in the same
    proportions. Texts that are used in their own way stay names ("Search", "Payments"), however many records surround
    them. Without anything done, only the number of texts counts.

    Parameters
    ----------
    profiles : text → what was done while it was shown → how often.
    groups : text → something that must be equal for two texts to be one screen (the host of the address).

    Returns
    -------
    Templates, the same whatever the order of the texts.

    References
    ----------
    The Bayes factor of Dirichlet-multinomial counts: Heckerman, Geiger and Chickering, Machine Learning 20 (1995).

    >>> names = learn_templates({f"Chat | {name} - Talk": {"send": 3} for name in "ABCDEFGH"})
    >>> names.template("Chat | A - Talk"), names.template("Chat | somebody new - Talk")
    ('Chat | ‹…› - Talk', 'Chat | ‹…› - Talk')
    """
    learnt = Templates()
    shapes: dict[tuple[str, ...], _Seen] = {}
    for text in sorted(profiles):
        about = profiles[text]
        shape = split(text)
        shapes.setdefault(shape, _Seen()).add(shape, about, (groups or {}).get(text, ""))
    for _ in range(PASSES):
        slots = _find_slots(shapes)
        if not slots:
            break
        learnt.passes.append(slots)
        merged: dict[tuple[str, ...], _Seen] = {}
        for shape, seen in shapes.items():
            merged.setdefault(_generalise(shape, slots), _Seen()).join(seen)
        shapes = merged
    return learnt


class _Seen:
    """What has one shape: the shapes it was first (numbers apart), and what was done there."""

    def __init__(self) -> None:
        self.texts: set[tuple[str, ...]] = set()
        self.profile: Counter[str] = Counter()
        self.groups: set[str] = set()

    def add(self, shape: tuple[str, ...], profile: Profile, group: str) -> None:
        self.texts.add(shape)
        self.profile.update(profile)
        self.groups.add(group)

    def at(self, place: int, value: str) -> set[str]:
        """The different texts that stood in a place before anything was made a slot."""
        if SLOT not in value:
            return {value}
        return {text[place] for text in self.texts if place < len(text)}

    def join(self, other: _Seen) -> None:
        self.texts |= other.texts
        self.profile.update(other.profile)
        self.groups |= other.groups


def _contexts(shape: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], str]]:
    """Every place that may be a slot, with the text that stands there now; one other part must remain."""
    places = [i for i in range(0, len(shape), 2) if shape[i]]
    if len(places) < 2:
        return
    for place in places:
        if shape[place] != SLOT:
            yield (*shape[:place], SLOT, *shape[place + 1 :]), shape[place]


def _generalise(shape: tuple[str, ...], slots: Mapping[tuple[str, ...], _Slot]) -> tuple[str, ...]:
    for context, value in _contexts(shape):
        found = slots.get(context)
        if found is not None:
            stands = found.kept.get(value, found.other)
            if stands != value:
                place = next(i for i in range(len(shape)) if context[i] == SLOT and shape[i] == value)
                return (*shape[:place], stands, *shape[place + 1 :])
    return shape


def _find_slots(shapes: Mapping[tuple[str, ...], _Seen]) -> dict[tuple[str, ...], _Slot]:
    """Contexts whose place is a slot; a shape takes part only in the best of its contexts."""
    around: dict[tuple[str, ...], dict[str, _Seen]] = defaultdict(dict)
    for shape, seen in shapes.items():
        for context, value in _contexts(shape):
            around[context][value] = seen
    slots: dict[tuple[str, ...], _Slot] = {}
    taken: set[tuple[str, ...]] = set()
    # the place with most texts first: it explains most; equal ones in the order of their names
    for context in sorted(around, key=lambda c: (-len(around[c]), c)):
        place = context.index(SLOT)
        values = {
            value: seen
            for value, seen in around[context].items()
            if (*context[:place], value, *context[place + 1 :]) not in taken
        }
        slot = _slot_of(values, place) if len(values) > 1 else None
        if slot is not None:
            slots[context] = slot
            taken |= {(*context[:place], v, *context[place + 1 :]) for v in values if slot.kept.get(v, slot.other) != v}
    return slots


def _slot_of(values: Mapping[str, _Seen], place: int) -> _Slot | None:
    """What stands for the values of one place, or None if all of them are names."""
    kept: dict[str, str] = {}
    sizes: Counter[str] = Counter()
    for together in _alike(values):
        known = any(values[value].profile for value in together)
        # without evidence of use, what has a slot already is a name of its own, not one value more
        counted = together if known else [value for value in together if SLOT not in value]
        texts = len({text for value in counted for text in values[value].at(place, value)})
        if texts < (KNOWN_VALUES if known else SLOT_VALUES) or len(together) < 2:
            kept |= {value: value for value in together}
            continue
        stands = _shared_words(together)
        sizes[stands] += texts
        kept |= dict.fromkeys(together, stands)
    if not sizes:
        return None
    other = max(sorted(sizes), key=lambda stands: sizes[stands])
    return _Slot(kept, other)


def _shared_words(values: Sequence[str]) -> str:
    """The words that all values begin or end with, and the slot between."""
    split_up = [value.split(" ") for value in values]
    least = min(map(len, split_up))
    head = next((i for i in range(least) if len({words[i] for words in split_up}) > 1), least)
    left = least - head
    tail = next((i for i in range(left) if len({words[-1 - i] for words in split_up}) > 1), left)
    words = split_up[0]
    return " ".join([*words[:head], SLOT, *words[len(words) - tail :]])


def _alike(values: Mapping[str, _Seen]) -> list[list[str]]:
    """Groups of values that are used in the same way, of the same site."""
    by_site: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for value in sorted(values):
        by_site[tuple(sorted(values[value].groups))].append(value)
    found: list[list[str]] = []
    for members in by_site.values():
        found += _cluster(members, values)
    return found


def _cluster(members: list[str], values: Mapping[str, _Seen]) -> list[list[str]]:
    """Greedy clustering by Bayes factor, the values with most evidence first; what was never used joins by its words."""
    used = sorted((v for v in members if values[v].profile), key=lambda v: (-sum(values[v].profile.values()), v))
    unused = [v for v in members if not values[v].profile]
    if not used:
        return _by_first_word(unused)
    kinds = {kind for value in used for kind in values[value].profile}
    clusters: list[tuple[Counter[str], list[str]]] = []
    for value in used:
        counts = _capped(values[value].profile)
        # with the groups that have grown and the latest single ones: what was seen often comes first and is mostly single
        grown = [n for n, (_, together) in enumerate(clusters) if len(together) > 1][:CLUSTERS]
        near = [*grown, *[n for n in range(len(clusters)) if n not in {*grown}][-CLUSTERS:]]
        gains = {n: _gain(clusters[n][0], counts, len(kinds)) for n in near}
        best = max(sorted(gains), key=gains.__getitem__, default=-1)
        if best >= 0 and (gains[best] > 0 or _likeness(clusters[best][0], counts) > ALIKE):
            clusters[best][0].update(counts)
            clusters[best][1].append(value)
        else:
            clusters.append((Counter(counts), [value]))
    if unused:
        largest = max(clusters, key=lambda cluster: len(cluster[1]))
        largest[1].extend(unused)
    return [sorted(together) for _, together in clusters]


def _by_first_word(values: list[str]) -> list[list[str]]:
    """Where nothing tells how values are used, many of one first word belong together."""
    first: dict[str, list[str]] = defaultdict(list)
    for value in values:
        first[value.split(" ")[0]].append(value)
    own = [together for together in first.values() if len(together) >= SLOT_VALUES]
    rest = [value for together in first.values() if len(together) < SLOT_VALUES for value in together]
    return [*own, rest] if rest else own


def _capped(profile: Profile) -> dict[str, float]:
    total = sum(profile.values())
    scale = min(1.0, PROFILE_CAP / total) if total else 0.0
    return {kind: count * scale for kind, count in profile.items()}


def _likeness(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Bhattacharyya coefficient of what is done on two screens: 1 = in the same proportions, 0 = nothing in common.

    A busy toolbar that all screens share weighs less in it than in a cosine.
    """
    here, there = sum(one.values()), sum(other.values())
    return sum(math.sqrt(count * one.get(kind, 0.0)) for kind, count in other.items()) / math.sqrt(here * there)


def _gain(total: Mapping[str, float], counts: Mapping[str, float], kinds: int) -> float:
    """Log Bayes factor of one shared distribution against two; the Dirichlet prior weighs as much as one event (Perks)."""
    prior = 1.0 / kinds
    here, there = sum(total.values()), sum(counts.values())
    gain = math.lgamma(here + 1.0) + math.lgamma(there + 1.0) - math.lgamma(here + there + 1.0)
    for kind, count in counts.items():
        have = total.get(kind, 0.0)
        gain += (math.lgamma(have + count + prior) + math.lgamma(prior)
                 - math.lgamma(have + prior) - math.lgamma(count + prior))  # fmt: skip
    return gain
