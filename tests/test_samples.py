"""The worked example: the generator is deterministic, its frames keep their contracts, and what it plants is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from taskkit.errors import SettingError
from taskkit.privacy import REDACTIONS, digest, pseudonym
from taskkit.samples import SAMPLE_KEY, Engagement, make_engagement, write_sample
from taskkit.samples.truth import true_instances
from taskkit.schema import EVENTS, PROCESS, check

COMMITTED = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"
KEYS = ["user", "session_id", "seq"]


@pytest.fixture(scope="module")
def made() -> Engagement:
    return make_engagement()


@pytest.fixture(scope="module")
def instances(made: Engagement) -> pl.DataFrame:
    return true_instances(made.events, made.truth_events)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ------------------------------------------------------------------------------------------------------- the files
def test_the_committed_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    fresh, committed = _files(write_sample(tmp_path)), _files(COMMITTED)
    assert fresh.keys() == committed.keys()
    assert [name for name in fresh if fresh[name] != committed[name]] == []


def test_the_committed_sample_is_small() -> None:
    sizes = {name: len(content) for name, content in _files(COMMITTED).items()}
    assert sum(sizes.values()) < 4_000_000
    assert sizes["process_log.xes"] < 1_200_000


def test_every_file_says_what_it_is() -> None:
    metadata = [pl.read_parquet_metadata(path) for path in sorted((COMMITTED / "ui_log").glob("*.parquet"))]
    assert len(metadata) == 14
    wanted = {"taskkit_schema", "recorder", "profile", "excluded", "consent", "kept_until", "platform", "key_id"}
    assert all(wanted <= one.keys() for one in metadata)
    assert sum(json.loads(one["excluded"])["private_windows_rows"] for one in metadata) > 0
    assert [one["ended_cleanly"] for one in metadata].count("false") == 1


def test_one_file_holds_one_person() -> None:
    for path in (COMMITTED / "ui_log").glob("*.parquet"):
        assert pl.read_parquet(path)["user"].unique().to_list() == [path.stem]


@pytest.mark.filterwarnings("ignore:Install the optional requirement:UserWarning")  # pm4py praises a faster reader
def test_pm4py_reads_the_xes_with_as_many_events_as_the_csv() -> None:
    pm4py = pytest.importorskip("pm4py")
    csv = pl.read_csv(COMMITTED / "process_log.csv", try_parse_dates=True)
    xes = pm4py.read_xes(str(COMMITTED / "process_log.xes"))
    assert len(xes) == csv.height
    assert xes["case:concept:name"].nunique() == csv["case_id"].n_unique()
    assert sorted(set(xes["concept:name"])) == sorted(set(csv["activity"]))
    assert sorted(set(xes["org:resource"])) == sorted(set(csv["resource"]))
    assert xes["time:timestamp"].min().timestamp() == csv["timestamp"].min().timestamp()


# ------------------------------------------------------------------------------------------------------ the frames
def test_the_frames_keep_their_contracts(made: Engagement) -> None:
    assert check(made.events, EVENTS).to_dicts() == []
    assert check(made.process, PROCESS).to_dicts() == []


def test_the_truth_lies_row_by_row_beside_the_events(made: Engagement) -> None:
    assert made.events.select(KEYS).equals(made.truth_events.select(KEYS))
    assert made.events.select(KEYS).equals(made.events.select(KEYS).sort(KEYS))


def test_true_segments_are_dense_and_of_one_session_task_variant(made: Engagement) -> None:
    work = made.truth_events.filter(pl.col("true_segment").is_not_null())
    numbers = work["true_segment"].unique().sort()
    assert numbers.to_list() == list(range(len(numbers)))
    spread = work.group_by("true_segment").agg(pl.col("user", "session_id", "true_task", "true_variant").n_unique())
    assert spread.drop("true_segment").max().row(0) == (1, 1, 1, 1)


def test_no_content_is_in_the_log(made: Engagement) -> None:
    assert made.events["value"].null_count() == made.events.height


@pytest.mark.parametrize("kind", REDACTIONS)
def test_nothing_that_the_recorder_removes_is_left_in_a_text(made: Engagement, kind: str) -> None:
    pattern, test = REDACTIONS[kind]
    texts = {t for c in ("window_title", "url", "element_name") for t in made.events[c].drop_nulls().unique()}
    assert [t for t in texts for m in pattern.finditer(t) if test is None or test(m[0])] == []


def test_private_rows_carry_nothing(made: Engagement) -> None:
    private = made.events.filter(pl.col("redactions").list.contains("excluded").fill_null(False))
    assert private.height > 100
    content = [
        "window_title",
        "url",
        "element_role",
        "element_id",
        "element_name",
        "value_digest",
        "x",
        "y",
        "case_ref",
    ]
    assert private.select(content).null_count().row(0) == (private.height,) * len(content)


def test_people_are_pseudonyms_in_two_teams(made: Engagement) -> None:
    people = made.events.select("user", "team").unique()
    known = {pseudonym(f"sample person {n:02d}", key=SAMPLE_KEY) for n in range(1, 15)}
    assert set(people["user"]) == known
    assert dict(people["team"].value_counts().iter_rows()) == {"north": 7, "south": 7}


@pytest.mark.parametrize(("seed", "people", "days"), [(1, 1, 1), (2, 2, 3), (3, 5, 6), (99, 3, 1)])
def test_any_size_works(seed: int, people: int, days: int) -> None:
    small = make_engagement(seed=seed, people=people, days=days)
    assert small.events["user"].n_unique() == people
    assert small.events["session_id"].n_unique() <= people * days
    assert check(small.events).is_empty()
    assert small.events.select(KEYS).equals(small.truth_events.select(KEYS))
    json.dumps(small.truth)


def test_another_seed_is_another_engagement() -> None:
    one, two = (make_engagement(seed=seed, people=2, days=1) for seed in (1, 2))
    assert not one.events["timestamp"].equals(two.events["timestamp"])


@pytest.mark.parametrize("wrong", [{"people": 0}, {"days": 0}])
def test_nobody_and_never_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingError, match="at least 1"):
        make_engagement(**wrong)


# ------------------------------------------------------------------------------------------------- what is believable
def test_the_size_is_that_of_a_small_engagement(made: Engagement) -> None:
    assert 60_000 <= made.events.height <= 80_000
    assert 350 <= made.process["case_id"].n_unique() <= 500
    assert made.events["session_id"].n_unique() > 130


def test_eight_tasks_of_which_seven_have_variants(instances: pl.DataFrame) -> None:
    variants = instances.group_by("task").agg(pl.col("variant").n_unique())
    assert variants.height == 8
    assert (variants["variant"] >= 2).sum() >= 7


def test_work_is_noisy_and_interrupted(made: Engagement, instances: pl.DataFrame) -> None:
    noise = (made.truth_events["true_kind"] == "noise").mean()
    assert 0.06 <= noise <= 0.10
    assert 0.12 <= (instances["fragments"] > 1).mean() <= 0.19


def test_gaps_between_tasks_hardly_tell_where_tasks_end(made: Engagement) -> None:
    gaps = made.events.select(
        "user",
        "session_id",
        segment=made.truth_events["true_segment"],
        gap=pl.col("timestamp").diff().over("user", "session_id").dt.total_milliseconds() / 1_000,
    )
    before = pl.col("segment").shift(1)
    inside = gaps.filter(pl.col("segment") == before)["gap"]
    between = gaps.filter((pl.col("segment") != before) & (pl.col("gap") < 180))["gap"]
    assert 2.0 <= inside.median() <= 4.0
    assert between.quantile(0.25) < inside.quantile(0.75)


def test_about_a_third_of_the_case_rows_show_their_case(made: Engagement) -> None:
    both = made.events.select("case_ref", true=made.truth_events["true_case"])
    shown = both.filter(pl.col("true").is_not_null())["case_ref"].is_not_null().mean()
    assert 0.25 <= shown <= 0.42
    right = both.filter(pl.col("case_ref").is_not_null()).select(
        (pl.col("case_ref") == pl.col("true")).fill_null(False)
    )
    assert 0.93 <= right.to_series().mean() < 1.0


def test_the_origin_of_every_written_value_is_known(made: Engagement) -> None:
    rows = made.events.with_columns(made.truth_events["true_segment", "true_value"])
    written = rows.filter(pl.col("event_type").is_in(["text_input", "paste"]), pl.col("true_segment").is_not_null())
    assert written["true_value"].null_count() == 0
    constants = written.filter(pl.col("true_value") == "constant", pl.col("element_id") != "cell")
    assert constants.group_by("element_id").agg(pl.col("value_digest").n_unique())["value_digest"].max() == 1
    tax = written.filter(pl.col("true_value") == "dependency", pl.col("element_id") == "inv.tax")
    country = rows.filter(pl.col("element_id") == "inv.country").select("true_segment", country="value_digest")
    pairs = tax.join(country, on="true_segment").group_by("country").agg(pl.col("value_digest").n_unique())
    assert pairs["value_digest"].to_list() == [1] * pairs.height


def test_rekeyed_values_have_the_digest_of_a_value_shown_before(made: Engagement) -> None:
    rows = made.events.with_columns(made.truth_events["true_segment", "true_variant"])
    number = rows.filter(pl.col("element_id") == "inv.number", pl.col("event_type") == "text_input")
    shown = rows.filter(pl.col("app") == "acrobat", pl.col("value_digest").is_not_null())
    travelled = number.join(shown, on=["true_segment", "value_digest"], how="semi")
    assert travelled.height / number.height > 0.9
    assert digest("INV-104202", key=SAMPLE_KEY) in set(number["value_digest"])


def test_a_true_screen_is_the_title_with_its_changing_parts_out(made: Engagement) -> None:
    both = made.events.select("app", "window_title", screen=made.truth_events["true_screen"]).unique()
    assert both.filter(pl.col("window_title").is_null() != pl.col("screen").is_null()).is_empty()
    for app, title, screen in both.drop_nulls().iter_rows():
        pattern = re.escape(f"{screen}").replace(re.escape("‹…›"), ".+")
        assert re.fullmatch(pattern, f"{app} | {title}")
    assert made.truth["screens"] == both["screen"].drop_nulls().n_unique() == 40
    named = both.filter(pl.col("window_title") == "Invoice INV-104202 - Match - Horizon ERP")
    assert named["screen"].to_list() == ["chrome | Invoice ‹…› - Match - Horizon ERP"]


def test_no_true_screen_names_a_record_a_vendor_or_a_colleague(made: Engagement) -> None:
    screens = made.truth_events["true_screen"].drop_nulls().unique()
    names = [v.split()[0] for v in made.process["vendor"].unique()] + [
        "INV-",
        "PO-",
        "GR-",
        "V-2",
        "Treasury",
        "Team lead",
    ]
    assert [s for s in screens for name in names if name in s] == []


def test_the_marks_of_changing_parts_are_in_no_event(made: Engagement) -> None:
    texts = [
        t for c, kind in made.events.schema.items() if kind == pl.String for t in made.events[c].drop_nulls().unique()
    ]
    texts += made.truth_events["true_screen"].drop_nulls().unique().to_list()
    assert [t for t in texts if "\ue000" in t or "\ue001" in t] == []


def test_addresses_have_no_query(made: Engagement) -> None:
    urls = made.events["url"].drop_nulls().unique()
    assert all(re.fullmatch(r"https://erp\.example\.com/[\w/-]*", url) for url in urls)
    assert made.events.filter(pl.col("url").is_not_null())["app"].unique().to_list() == ["chrome"]


# ---------------------------------------------------------------------------------------------------- what is planted
def test_the_planted_differences_are_in_the_truth(made: Engagement, instances: pl.DataFrame) -> None:
    habit = {d["measure"]: d["mean_of_people"] for d in made.truth["differences"] if d["really_differs"]}
    assert habit["share of re-keying"]["south"] - habit["share of re-keying"]["north"] > 0.3
    assert habit["share of the approval sheet"]["south"] - habit["share of the approval sheet"]["north"] > 0.3
    enter = instances.filter(pl.col("task") == "enter invoice")
    by_habit = enter.group_by(pl.col("variant").str.starts_with("re-keying")).agg(pl.col("active_seconds").median())
    seconds = dict(by_habit.iter_rows())
    assert seconds[True] > 1.2 * seconds[False]


def _welch(values: pl.DataFrame) -> float:
    """Difference of the teams' means in standard errors; one row per unit, columns team and value."""
    groups = (
        values.group_by("team").agg(pl.col("value").mean().alias("mean"), pl.col("value").var() / pl.len()).sort("team")
    )
    return abs(groups["mean"][1] - groups["mean"][0]) / groups["value"].sum() ** 0.5


@pytest.mark.parametrize(("task", "differs"), [("enter invoice", True), ("three-way match", False)])
def test_counting_instances_instead_of_people_would_be_fooled(
    instances: pl.DataFrame, task: str, differs: bool
) -> None:
    mine = instances.filter(pl.col("task") == task, pl.col("active_seconds") > 0).with_columns(
        value=pl.col("active_seconds").log()
    )
    people = mine.group_by("user", "team").agg(pl.col("value").mean())
    assert _welch(mine) > 1.96  # instances cry wolf in both
    assert (_welch(people) > 1.96) == differs


def test_the_sheet_makes_the_approval_slow(made: Engagement) -> None:
    hours = {way["way"]: way["median_hours"] for way in made.truth["root_cause"]["by_way"]}
    assert hours["sheet"] > 3 * max(hours["direct"], hours["request in ERP"])


def test_archiving_is_deterministic_and_queries_are_not(made: Engagement) -> None:
    share = {task["task"]: task["determinism"]["share"] for task in made.truth["tasks"]}
    assert max(share, key=share.__getitem__) == "archive scans"
    assert share["archive scans"] > 0.95
    assert min(share, key=share.__getitem__) == "answer vendor query"
    assert share["answer vendor query"] < 0.25


def test_every_click_that_the_erp_books_is_in_its_log_within_seconds(made: Engagement) -> None:
    clicks = made.events.with_columns(case_id=made.truth_events["true_case"]).filter(
        pl.col("element_id") == "btnApprove", pl.col("case_id").is_not_null()
    )
    booked = made.process.filter(pl.col("activity") == "Approve invoice").select(
        "case_id", "resource", booked="timestamp"
    )
    joined = clicks.join(booked, left_on=["case_id", "user"], right_on=["case_id", "resource"], how="left")
    late = (joined["booked"] - joined["timestamp"]).dt.total_milliseconds() / 1_000
    assert late.null_count() == 0
    regular = late.filter(late < 60)  # one clock jumped back
    assert regular.len() > 0.97 * late.len()
    assert regular.min() > 14 - 3
    assert regular.max() < 14 + 3 + 2.6


def test_some_cases_were_never_recorded_and_some_work_has_no_case(made: Engagement) -> None:
    worked = set(made.truth_events["true_case"].drop_nulls())
    cases = set(made.process["case_id"])
    assert 20 < len(cases - worked) < len(cases) / 2
    assert worked <= cases
    assert made.truth_events.filter(pl.col("true_task").is_not_null(), pl.col("true_case").is_null()).height > 1_000
    assert "BATCH" in set(made.process["resource"])


def test_the_planted_defects_are_where_the_truth_says(made: Engagement) -> None:
    found: dict[str, int] = {}
    for defect in made.truth["defects"]:
        rows = made.events.filter(pl.col("user") == defect["user"], pl.col("session_id") == defect["session_id"])
        seq, kind = defect["seq"], defect["defect"]
        content = rows.drop("seq")
        seconds = (rows["timestamp"].diff().dt.total_milliseconds() / 1_000).to_list()
        if kind == "duplicates":
            assert all(content.row(place) == content.row(place - 1) for place in seq)
        elif kind == "clock jump":
            assert seconds[seq[0]] < -60
        elif kind == "unexplained gap":
            assert seconds[seq[1]] > 3_600
        elif kind == "blind span":
            assert rows["event_type"].gather(seq).to_list() == ["blind_start", "blind_end"]
        elif kind == "not ended":
            assert rows["event_type"][-1] != "session_end"
        found[kind] = found.get(kind, 0) + 1
    assert found == {"duplicates": 1, "clock jump": 1, "unexplained gap": 1, "blind span": 4, "not ended": 1}


def test_nothing_else_is_broken(made: Engagement) -> None:
    steps = made.events.select(
        "user", "session_id", back=pl.col("timestamp").diff().over("user", "session_id") < pl.duration()
    )
    assert steps["back"].sum() == 1
    content = [name for name in made.events.columns if name not in ("seq", "redactions")]
    assert made.events.select(content).is_duplicated().sum() == 12
    ends = made.events.filter(pl.col("event_type") == "session_end").height
    assert ends == made.events["session_id"].n_unique() - 1
