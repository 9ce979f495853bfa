"""What goes wrong in every recording, planted at known places."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from taskkit.samples.days import Session
from taskkit.samples.steps import Row

JUMP_SECONDS, GAP_SECONDS = 420.0, 4_500.0
_KINDS = ("duplicates", "blind span", "clock jump", "unexplained gap", "not ended", *["blind span"] * 3)
_BLIND = Row(None, None, None, "blind_start", "window of a higher privilege", None, None, None, None, 0.0, None, None, None,
             "presence")  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """A finished session: rows in their order, each with its second, length and true instance."""

    rows: list[Row]
    times: list[float]
    lengths: list[float]
    instances: list[int | None]

    def take(self, places: list[int]) -> Stream:
        """The rows at the places, in that order."""
        return Stream(
            [self.rows[i] for i in places], [self.times[i] for i in places], [self.lengths[i] for i in places],
            [self.instances[i] for i in places],
        )  # fmt: skip


def plan_defects(seed: int, sessions: list[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Which (person, day) suffers which defect: at most one each, at most a third of the sessions."""
    rng, places = Random(f"{seed} defects"), list(sessions)
    rng.shuffle(places)
    return dict(zip(places[: max(1, len(places) // 3)], _KINDS, strict=False))


def apply_defect(kind: str | None, session: Session, stream: Stream) -> tuple[Stream, dict[str, Any]]:
    """Damage a session and say where; places are positions in the returned stream, which become `seq`."""
    rng = Random(f"{session.person.user} {session.day} {kind}")
    if kind is None:
        return stream, {}
    anchor = _work_row(stream, rng.uniform(0.35, 0.55))
    if kind == "duplicates":
        return _duplicate(stream, rng)
    if kind == "clock jump":
        times = [t if i < anchor else t - JUMP_SECONDS for i, t in enumerate(stream.times)]
        return (Stream(stream.rows, times, stream.lengths, stream.instances),
                {"defect": kind, "seq": [anchor], "seconds": -JUMP_SECONDS})  # fmt: skip
    if kind == "not ended":
        end = _work_row(stream, 0.88)
        return stream.take(list(range(end + 1))), {"defect": kind, "seq": [end]}
    return _blind(stream, rng) if kind == "blind span" else _gap(stream)


def _work_row(stream: Stream, share: float) -> int:
    """First row of a task from there on."""
    start = round(share * len(stream.rows))
    later = (i for i in range(start, len(stream.rows)) if stream.instances[i] is not None)
    return next(later, min(start, len(stream.rows) - 1))


def _duplicate(stream: Stream, rng: Random) -> tuple[Stream, dict[str, Any]]:
    work = [i for i, number in enumerate(stream.instances) if number is not None]
    twice = {*rng.sample(work, min(6, len(work)))}
    places = [i for place in range(len(stream.rows)) for i in ([place, place] if place in twice else [place])]
    copies = [at for at in range(1, len(places)) if places[at] == places[at - 1]]
    return stream.take(places), {"defect": "duplicates", "seq": copies}


def _gap(stream: Stream) -> tuple[Stream, dict[str, Any]]:
    anchor, after = _stretch(stream, GAP_SECONDS)
    kept = stream.take([*range(anchor + 1), *range(after, len(stream.rows))])
    seconds = round(stream.times[after] - stream.times[anchor], 1)
    return kept, {"defect": "unexplained gap", "seq": [anchor, anchor + 1], "seconds": seconds}


def _blind(stream: Stream, rng: Random) -> tuple[Stream, dict[str, Any]]:
    anchor, after = _stretch(stream, rng.uniform(200, 420))
    start, end = stream.times[anchor] + 0.4, max(stream.times[after] - 0.4, stream.times[anchor] + 0.5)
    head, tail = stream.take(list(range(anchor + 1))), stream.take(list(range(after, len(stream.rows))))
    blind = [_BLIND, _BLIND._replace(event_type="blind_end")]
    joined = Stream(
        [*head.rows, *blind, *tail.rows], [*head.times, start, end, *tail.times], [*head.lengths, 0.0, 0.0, *tail.lengths],
        [*head.instances, None, None, *tail.instances],
    )  # fmt: skip
    return joined, {"defect": "blind span", "seq": [anchor + 1, anchor + 2], "seconds": round(end - start, 1)}


def _stretch(stream: Stream, seconds: float) -> tuple[int, int]:
    """From work to work in the middle of the day: the stretch that is least longer than wanted."""
    n = len(stream.rows)
    starts = [i for i in range(n // 4, 3 * n // 4) if stream.instances[i] is not None] or [0]
    pairs = [(start, _row_after(stream, stream.times[start] + seconds)) for start in starts]
    lengths = {pair: stream.times[pair[1]] - stream.times[pair[0]] for pair in pairs}
    enough = [pair for pair in pairs if lengths[pair] >= seconds]
    return min(enough, key=lengths.__getitem__) if enough else max(pairs, key=lengths.__getitem__)


def _row_after(stream: Stream, time: float) -> int:
    found = (i for i, t in enumerate(stream.times) if t >= time and stream.instances[i] is not None)
    return next(found, len(stream.rows) - 1)
