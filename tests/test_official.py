"""The official model: tokens as pm4py counts them, deviations by kind, and what happens inside its activities."""

from __future__ import annotations

import warnings
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.charts.official import how_cases_keep, official_flow, place_nodes
from taskkit.errors import ContractError, LogFileError, SettingError
from taskkit.overlay.insides import look_inside
from taskkit.overlay.official import (
    list_executions,
    list_inside_deviations,
    list_official_steps,
    list_process_deviations,
    read_model,
    replay_model,
)
from taskkit.overlay.official.deviations import count_passes
from taskkit.overlay.official.models import SINK, SOURCE, OfficialModel, Step, model_of, net_of
from taskkit.overlay.official.replay import play
from taskkit.samples.official_model import official_model
from taskkit.variants.standards import Standard, standard_from_steps
from taskkit.widgets.official import OfficialFlow
from tests.frames import START, make_events

LINE = standard_from_steps(["enter", "match", "pay"])
Block = Any  # a letter, or (kind, blocks)


def log_of(**cases: str | list[str]) -> pl.DataFrame:
    """One row per event; an hour apart inside a case."""
    rows = [
        (case, activity, START + timedelta(hours=i), f"r_{case}")
        for case, trace in cases.items()
        for i, activity in enumerate(trace.split() if isinstance(trace, str) else trace)
    ]
    return pl.DataFrame(rows, schema=["case_id", "activity", "timestamp", "resource"], orient="row").with_columns(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC"))
    )


def bpmn_of(folder: Path, nodes: dict[str, str], flows: list[tuple[str, str]], *, extra: str = "") -> Path:
    """A BPMN file of nodes (id → element) and flows; a task is named by its id before a dot."""
    elements = [f'<{kind} id="{node}" name="{node.partition(".")[0]}"/>' for node, kind in nodes.items()]
    elements += [f'<sequenceFlow id="f{i}" sourceRef="{a}" targetRef="{b}"/>' for i, (a, b) in enumerate(flows)]
    body = f'<process id="p" name="pay">{"".join(elements)}</process>{extra}'
    path = folder / "model.bpmn"
    path.write_text(f'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">{body}</definitions>')
    return path


def parallel(folder: Path) -> OfficialModel:
    nodes = {"s": "startEvent", "a": "task", "g": "parallelGateway", "b": "task", "c": "task", "h": "parallelGateway",
             "d": "task", "e": "endEvent"}  # fmt: skip
    flows = [("s", "a"), ("a", "g"), ("g", "b"), ("g", "c"), ("b", "h"), ("c", "h"), ("h", "d"), ("d", "e")]
    return read_model(bpmn_of(folder, nodes, flows))


def test_a_case_that_fits_has_fitness_one() -> None:
    row = replay_model(log_of(c="enter match pay"), LINE).row(0, named=True)
    assert (row["fits"], row["fitness"], row["missing"], row["remaining"], row["deviations"]) == (True, 1.0, 0, 0, 0)


def test_a_skipped_activity_is_a_missing_and_a_remaining_token() -> None:
    row = replay_model(log_of(c="enter pay"), LINE).row(0, named=True)
    assert (row["missing"], row["remaining"], row["skipped"]) == (1, 1, 1)
    assert row["fitness"] == pytest.approx(1 - (1 / row["consumed"] + 1 / row["produced"]) / 2)


def test_a_case_that_is_not_finished_does_not_fit() -> None:
    row = replay_model(log_of(c="enter match"), LINE).row(0, named=True)
    assert (row["fits"], row["missing"], row["remaining"]) == (False, 1, 1)


def test_an_activity_that_the_model_does_not_have_is_a_missing_token() -> None:
    row = replay_model(log_of(c="enter call match pay"), LINE).row(0, named=True)
    assert (row["fits"], row["missing"], row["remaining"], row["inserted"]) == (False, 1, 0, 1)


def test_parallel_branches_fit_in_either_order(tmp_path: Path) -> None:
    replayed = replay_model(log_of(x="a b c d", y="a c b d", z="a b d"), parallel(tmp_path))
    assert replayed["fits"].to_list() == [True, True, False]
    assert replayed["missing"].to_list()[2] == 1


def test_branches_that_end_apart_fit(tmp_path: Path) -> None:
    nodes = {"s": "startEvent", "g": "parallelGateway", "a": "task", "b": "task", "e": "endEvent", "f": "endEvent"}
    flows = [("s", "g"), ("g", "a"), ("g", "b"), ("a", "e"), ("b", "f")]
    replayed = replay_model(log_of(x="a b", y="b a", z="a"), read_model(bpmn_of(tmp_path, nodes, flows)))
    assert replayed["fits"].to_list() == [True, True, False]


def test_events_of_a_life_cycle_that_are_not_complete_are_no_bookings() -> None:
    log = log_of(c="enter enter match pay").with_columns(lifecycle=pl.Series(["start", "COMPLETE", None, "complete"]))
    assert replay_model(log, LINE)["fits"].item()


def test_the_order_of_the_cases_is_that_of_their_names_whatever_the_order_of_rows() -> None:
    log = log_of(b="enter pay", a="enter match pay", c="pay enter")
    assert replay_model(log, LINE).equals(replay_model(log.reverse(), LINE))
    assert list_process_deviations(log, LINE).equals(list_process_deviations(log.reverse(), LINE))


def test_a_model_with_other_names_is_refused() -> None:
    with pytest.raises(SettingError, match=r"'enter', 'match', 'pay'.*name in the model"):
        replay_model(log_of(c="x y"), LINE)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bpmn").write_text("<!DOCTYPE x [<!ENTITY y 'z'>]><definitions/>")
    with pytest.raises(LogFileError, match="document type"):
        replay_model(log_of(c="x"), tmp_path / "a.bpmn")


def test_an_empty_log_gives_an_empty_frame() -> None:
    empty = log_of(c="enter").clear()
    assert replay_model(empty, LINE).is_empty()
    assert list_process_deviations(empty, LINE).is_empty()


# --- the same tokens as pm4py, and the same verdict as the alignment -------------------------------------------------


def blocks(depth: int = 2) -> st.SearchStrategy[Block]:
    """Models of sequences, choices and parallel branches over letters."""
    letters = st.sampled_from("abcdef")
    if not depth:
        return letters
    inner = st.lists(blocks(depth - 1), min_size=2, max_size=3)
    return st.one_of(letters, st.tuples(st.sampled_from(["seq", "xor", "and"]), inner))


def file_of(folder: Path, block: Block) -> Path:
    nodes, flows = {"s": "startEvent", "e": "endEvent"}, []

    def add(part: Block, before: str) -> str:
        number = len(nodes)
        if isinstance(part, str):
            nodes[f"{part}.{number}"] = "task"
            flows.append((before, f"{part}.{number}"))
            return f"{part}.{number}"
        kind, parts = part
        if kind == "seq":
            for each in parts:
                before = add(each, before)
            return before
        gate = "exclusiveGateway" if kind == "xor" else "parallelGateway"
        split, join = f"split.{number}", f"join.{number}"
        nodes[split] = nodes[join] = gate
        flows.append((before, split))
        flows.extend([(add(each, split), join) for each in parts])
        return join

    flows.append((add(block, "s"), "e"))
    return bpmn_of(folder, nodes, flows)


def letters_of(block: Block) -> list[str]:
    return [block] if isinstance(block, str) else [letter for part in block[1] for letter in letters_of(part)]


def ways_of(block: Block, choose: Any) -> list[str]:
    """One way through the block."""
    if isinstance(block, str):
        return [block]
    kind, parts = block
    if kind == "xor":
        return ways_of(choose(st.sampled_from(parts)), choose)
    ways = [ways_of(part, choose) for part in parts]
    if kind == "seq":
        return [step for way in ways for step in way]
    order = choose(st.permutations([i for i, way in enumerate(ways) for _ in way]))
    rest = [list(way) for way in ways]
    return [rest[i].pop(0) for i in order]


@settings(max_examples=60, deadline=None)
@given(block=blocks(), data=st.data())
def test_tokens_and_alignment_agree_on_what_fits(
    tmp_path_factory: pytest.TempPathFactory, block: Block, data: Any
) -> None:
    if len(set(letters_of(block))) < len(letters_of(block)):
        return  # with one name at two places tokens may take the wrong one
    model = read_model(file_of(tmp_path_factory.mktemp("m"), block))
    own = ways_of(block, data.draw)
    other = data.draw(st.lists(st.sampled_from("abcdef"), max_size=5))
    log = log_of(own=own, other=[*other, own[0]])
    replayed = replay_model(log, model)
    assert replayed.filter(case_id="own")["fits"].item()
    assert replayed["fits"].to_list() == (replayed["deviations"] == 0).to_list()
    assert ((replayed["fitness"] == 1) == replayed["fits"]).all()


def pm4py_net(net: list[Step]) -> tuple[Any, Any, Any]:
    """Our net as one of pm4py."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages that pm4py imports
        pytest.importorskip("pm4py")
        from pm4py.objects.petri_net.obj import Marking, PetriNet
        from pm4py.objects.petri_net.utils import petri_utils
    made = PetriNet("net")
    places = {p: PetriNet.Place(f"p{p}") for p in sorted({p for step in net for p in (*step.takes, *step.gives)})}
    made.places.update(places.values())
    for number, step in enumerate(net):
        transition = PetriNet.Transition(f"t{number}", step.label)
        made.transitions.add(transition)
        for place in step.takes:
            petri_utils.add_arc_from_to(places[place], transition, made)
        for place in step.gives:
            petri_utils.add_arc_from_to(transition, places[place], made)
    return made, Marking({places[SOURCE]: 1}), Marking({places[SINK]: 1})


def pm4py_tokens(net: list[Step], trace: list[str]) -> tuple[int, int, int, int]:
    from pm4py.algo.conformance.tokenreplay import algorithm
    from pm4py.objects.log.obj import Event, EventLog, Trace

    log = EventLog([Trace([Event({"concept:name": step}) for step in trace], attributes={"concept:name": "c"})])
    (found,) = algorithm.apply(log, *pm4py_net(net), parameters={"show_progress_bar": False})
    return found["missing_tokens"], found["remaining_tokens"], found["consumed_tokens"], found["produced_tokens"]


@pytest.mark.parametrize("trace", [
    "a b c d", "a c b d", "a b d", "a d", "b c d", "a b c", "a b b c d", "d a b c", "a", "c b a d", "a b c d d",
])  # fmt: skip
def test_tokens_are_those_of_pm4py_with_parallel_branches(tmp_path: Path, trace: str) -> None:
    net = net_of(parallel(tmp_path))
    ours = pm4py_net(net) and play(net, trace.split())
    assert ours == pm4py_tokens(net, trace.split())


@pytest.mark.parametrize("trace", [
    "Receive,Enter,Match,Approve,Archive,Release", "Receive,Enter,Approve,Archive,Release", "Receive,Enter,Match",
    "Receive,Enter,Match,Request,Archive,Approve,Release", "Enter,Receive,Approve", "Receive,Enter,Request,Approve,Release",
    "Receive,Enter,Match,Match,Approve,Archive,Release",
])  # fmt: skip
def test_tokens_are_those_of_pm4py_on_the_worked_example(tmp_path: Path, trace: str) -> None:
    (tmp_path / "m.bpmn").write_text(official_model())
    model = read_model(tmp_path / "m.bpmn")
    long = {name.split()[0]: name for name in model.activities}
    steps, net = [long[step] for step in trace.split(",")], net_of(model)
    ours = pm4py_net(net) and play(net, steps)
    assert ours == pm4py_tokens(net, steps)


# --- deviations ------------------------------------------------------------------------------------------------------


def kinds(trace: str, model: Standard = LINE) -> list[tuple[str, str]]:
    return sorted(list_process_deviations(log_of(c=trace), model).select("kind", "activity").rows())


@pytest.mark.parametrize(("trace", "found"), [
    ("enter match pay", []),
    ("enter pay", [("skipped", "match")]),
    ("enter call match pay", [("not in the model", "call")]),
    ("enter match match pay", [("repeated", "match")]),
    ("enter match", [("not reached", "pay")]),
    ("match enter pay", [("other order", "match")]),
    ("match pay", [("skipped", "enter")]),
])  # fmt: skip
def test_each_kind_of_deviation_is_told_once(trace: str, found: list[tuple[str, str]]) -> None:
    got = kinds(trace)
    if found == [("other order", "match")]:  # either of the two may be said to have moved
        assert [kind for kind, _ in got] == ["other order"]
    else:
        assert got == found


def test_a_step_left_out_twice_and_done_once_elsewhere_is_told_twice() -> None:
    assert kinds("b c d a", standard_from_steps(list("abacd"))) == [("other order", "a"), ("skipped", "a")]


def test_an_activity_of_another_branch_is_inserted(tmp_path: Path) -> None:
    nodes = {"s": "startEvent", "g": "exclusiveGateway", "a": "task", "b": "task", "h": "exclusiveGateway", "c": "task",
             "e": "endEvent"}  # fmt: skip
    flows = [("s", "g"), ("g", "a"), ("g", "b"), ("a", "h"), ("b", "h"), ("h", "c"), ("c", "e")]
    listed = list_process_deviations(log_of(x="a b c"), read_model(bpmn_of(tmp_path, nodes, flows)))
    assert listed["kind"].to_list() == ["inserted"]


def test_time_beside_the_model_is_measured_against_cases_that_fit() -> None:
    log = log_of(a="enter match pay", b="enter match pay", c="enter call call match pay", d="enter match pay")
    row = list_process_deviations(log, LINE).row(by_predicate=pl.col("activity") == "call", named=True)
    assert (row["left"], row["returned"], row["cases"], row["times"]) == ("enter", "match", 1, 2)
    assert (row["elapsed_median_seconds"], row["fitting_median_seconds"]) == (3 * 3600.0, 3600.0)
    assert (row["share"], row["people"], row["measured"]) == (0.25, 1, 4)


def test_without_resources_no_people_are_counted() -> None:
    assert list_process_deviations(log_of(c="enter pay").drop("resource"), LINE)["people"].to_list() == [0]


def test_every_case_that_comes_to_an_activity_has_one_fate() -> None:
    log = log_of(a="enter match pay", b="enter pay", c="enter match match pay", d="enter match", e="pay match enter")
    passes = count_passes(log, model_of(LINE))
    fates = passes.select(pl.sum_horizontal("passed", "skipped", "repeated", "other_order", "inserted")).to_series()
    assert passes["activity"].to_list() == ["enter", "match", "pay"]
    assert fates.to_list() == passes["cases"].to_list()
    assert (passes["cases"] + passes["not_reached"]).to_list() == [5, 5, 5]
    row = passes.row(1, named=True)
    assert (row["skipped"], row["repeated"]) == (1, 1)


def test_cases_that_only_end_early_are_told_apart_from_those_that_leave() -> None:
    log = log_of(a="enter match pay", b="enter match", c="enter", d="enter pay", e="enter call", f="call")
    replayed = replay_model(log, LINE)
    assert replayed.select("fits", "unfinished").rows() == [
        (True, False), (False, True), (False, True), (False, False), (False, False), (False, False),
    ]  # fmt: skip
    assert how_cases_keep(replayed) == (
        "1 of 6 cases (17 %) follows the official flow to its end, 2 (33 %) follow it so far and are not finished, 3 (50 %) "
        "leave it"
    )


def test_where_cases_end_is_told_once_and_after_the_real_deviations() -> None:
    listed = list_process_deviations(log_of(a="enter", b="enter", c="enter", d="enter match", e="enter pay"), LINE)
    assert listed.select("kind", "activity", "left", "cases", "times").rows() == [
        ("skipped", "match", "enter", 1, 1), ("not reached", "match, pay", "enter", 3, 3),
        ("not reached", "pay", "match", 1, 1),
    ]  # fmt: skip


def test_capitals_and_spaces_make_no_other_activity() -> None:
    log = log_of(c=["Enter", "MATCH ", "p ay"])
    assert replay_model(log, LINE)["fits"].to_list() == [True]
    assert list_process_deviations(log, LINE).is_empty()


def test_activities_with_other_names_can_be_said_to_be_the_same() -> None:
    log = log_of(c="capture match pay")
    assert replay_model(log, LINE)["fits"].to_list() == [False]
    assert replay_model(log, LINE, names={"capture": "enter"})["fits"].to_list() == [True]
    assert list_process_deviations(log, LINE, names={"capture": "enter"}).is_empty()
    with pytest.raises(SettingError, match=r"model in names= 'entr'\. Did you mean 'enter'"):
        replay_model(log, LINE, names={"capture": "entr"})
    with pytest.raises(SettingError, match="process log in names= 'captur'"):
        replay_model(log, LINE, names={"captur": "enter"})


# --- inside the activities -------------------------------------------------------------------------------------------


def work() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Six people match one case each; three of them look into a sheet meanwhile."""
    events, segments, process = [], [], []
    for i in range(6):
        screens = ["list", "invoice", "sheet"] if i < 3 else ["list", "invoice"]
        rows = make_events([{"window_title": s} for s in screens], user=f"p_{i}", session_id=f"s{i}").with_columns(
            segment_id=pl.lit(i, pl.UInt32), case_id=pl.lit(f"c{i}"), active_seconds=pl.lit(10.0), step=pl.lit(True),
        )  # fmt: skip
        events.append(rows)
        segments.append((i, f"p_{i}", "T01", "match invoices", [f"view · {s}" for s in screens], 10.0 * len(screens)))
        process += [(f"c{i}", "enter", START - timedelta(hours=2)), (f"c{i}", "match", START + timedelta(minutes=5))]
    schema = {"segment_id": pl.UInt32, "user": pl.String, "task_id": pl.String, "task_name": pl.String,
              "activities": pl.List(pl.String), "active_seconds": pl.Float64}  # fmt: skip
    logged = pl.DataFrame(process, schema=["case_id", "activity", "timestamp"], orient="row")
    logged = logged.with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")), resource=pl.lit(None, pl.String))
    return pl.concat(events), pl.DataFrame(segments, schema=schema, orient="row"), logged


USUAL = {"T01": standard_from_steps(["list", "invoice"], name="usual")}


def test_an_execution_belongs_to_the_booking_that_its_time_leads_to() -> None:
    executions = list_executions(*work())
    assert executions.height == 6
    assert set(executions["activity"]) == {"match"}


def batch(people: int = 2) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The work of six people, before whose bookings of "match" two others release all six cases in one go."""
    events, segments, process = work()
    rows = make_events(
        [{"case_id": f"c{i % 6}", "window_title": "release"} for i in range(6 * people)], user="q_0", session_id="q"
    )
    rows = rows.with_columns(
        user=pl.lit("q_") + (pl.int_range(pl.len()) // 6).cast(pl.String), active_seconds=pl.lit(10.0), step=pl.lit(True),
        segment_id=(100 + pl.int_range(pl.len()) // 6).cast(pl.UInt32),
        session_id=pl.lit("q") + (pl.int_range(pl.len()) // 6).cast(pl.String),
    )  # fmt: skip
    more = [(100 + n, f"q_{n}", "T07", "release", ["view · invoice"], 60.0) for n in range(people)]
    fewer = events.filter(pl.col("user").is_in(["p_0", "p_1", "p_2", "p_3", "p_4"]))
    return (
        pl.concat([fewer, rows.select(fewer.columns)]),
        pl.concat([segments, pl.DataFrame(more, schema=segments.schema, orient="row")]),
        process,
    )


def test_a_batch_counts_for_each_booking_that_it_leads_to() -> None:
    frames = batch()
    executions = list_executions(*frames)
    assert executions.filter(task_id="T07").group_by("segment_id").len()["len"].to_list() == [6, 6]
    match = list_official_steps(*frames, LINE).row(1, named=True)
    assert (match["task_id"], match["task_share"], match["task_people"], match["bookings"]) == ("T07", 1.0, 2, 6)
    assert (match["executions"], match["measured"]) == (7, 2)
    # the bookings and people of the same task inside the step
    events = frames[0].join(frames[1].select("segment_id", "task_id"), on="segment_id")
    own = look_inside(events, frames[2]).tasks.row(0, named=True)
    assert (own["task_id"], own["share"], own["people"]) == ("T07", 1.0, 2)


def test_a_task_of_few_people_is_not_chosen_but_counted() -> None:
    match = list_official_steps(*batch(), LINE, min_people=3).row(1, named=True)
    assert (match["task_id"], match["task_share"]) == ("T01", pytest.approx(5 / 6))
    assert (match["few_tasks"], match["few_share"]) == (1, 1.0)


@pytest.mark.parametrize("least", [1, 3])
def test_the_page_says_that_a_task_of_few_people_is_not_shown(least: int) -> None:
    steps = list_official_steps(*batch(), LINE, min_people=least)
    spec = official_flow(model_of(LINE), steps, activity="match", min_people=3).to_json(ensure_ascii=False)
    assert "T07" not in spec
    assert "Most frequent task inside" not in spec
    more = " more" if least == 3 else ""
    assert f"1{more} task, in 100 % of the bookings, is not shown: fewer than 3 people" in spec
    assert ("Most frequent task that may be shown: T01 “match invoices”, in 83 % of" in spec) == (least == 3)


def test_names_reach_the_work_inside() -> None:
    events, segments, process = work()
    other = process.with_columns(pl.col("activity").replace("match", "compare"))
    kept = list_official_steps(events, segments, process, LINE, standards=USUAL)
    names = {"compare": "match"}
    assert list_official_steps(events, segments, other, LINE, standards=USUAL, names=names).equals(kept)
    flow = OfficialFlow(events, segments, other, LINE, min_people=3, names=names)
    assert flow.inside is not None
    assert flow.inside["activity"].to_list() == ["match"]


def test_official_steps_stand_in_the_order_of_the_model_with_work_inside() -> None:
    steps = list_official_steps(*work(), LINE, standards=USUAL)
    assert steps["activity"].to_list() == ["enter", "match", "pay"]
    row = steps.row(1, named=True)
    assert (row["cases"], row["passed"], row["executions"], row["task_id"], row["task_people"]) == (6, 6, 6, "T01", 6)
    assert (row["standard"], row["leaving_share"], row["outside"], row["outside_people"]) == ("usual", 0.5, "sheet", 3)
    assert (row["outside_left"], row["outside_share"], row["outside_median_seconds"]) == ("invoice", 0.5, 10.0)
    assert (steps["not_reached"][2], steps["task_id"][0]) == (6, None)


def test_without_standards_the_most_frequent_way_is_the_usual_one() -> None:
    events, segments, process = work()
    found = list_inside_deviations(events.filter(pl.col("user") != "p_0"), segments, process, LINE)
    assert found.select("kind", "step", "executions", "measured").rows() == [("done outside", "sheet", 2, 5)]


def test_what_is_left_out_is_told() -> None:
    usual = {"T01": standard_from_steps(["list", "invoice", "sheet"])}
    found = list_inside_deviations(*work(), LINE, standards=usual)
    assert found.select("kind", "step", "executions", "median_seconds").rows() == [("left out", "sheet", 3, None)]


def test_the_order_of_rows_does_not_matter_inside() -> None:
    events, segments, process = work()
    one = list_official_steps(events, segments, process, LINE, standards=USUAL)
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=5) for frame in (events, segments, process)]
    assert list_official_steps(*shuffled, LINE, standards=USUAL).equals(one)  # type: ignore[call-arg]


def test_nothing_is_changed() -> None:
    frames = work()
    copies = [frame.clone() for frame in frames]
    list_official_steps(*frames, LINE)
    assert all(frame.equals(copy) for frame, copy in zip(frames, copies, strict=True))


def test_a_step_that_was_not_run_is_named() -> None:
    events, segments, process = work()
    with pytest.raises(ContractError, match="find_tasks"):
        list_official_steps(events, segments.drop("task_id"), process, LINE)


def test_the_offset_that_the_cases_rest_on_is_used_again() -> None:
    events, segments, process = work()
    late = events.with_columns(clock_offset_seconds=pl.lit(3600.0))
    assert list_executions(events, segments, process).height == 6
    assert list_executions(late, segments, process).is_empty()  # an hour later, all of it is after the last booking


def test_the_people_behind_the_measured_executions_are_counted() -> None:
    row = list_official_steps(*work(), LINE, standards=USUAL).row(1, named=True)
    assert (row["measured"], row["measured_people"]) == (6, 6)


# --- the model's drawing and the picture -----------------------------------------------------------------------------


def test_the_places_of_the_drawing_are_read_and_bad_ones_are_not(tmp_path: Path) -> None:
    shape = '<BPMNShape bpmnElement="{}"><Bounds x="{}" y="10" width="100" height="80"/></BPMNShape>'
    extra = f"<BPMNDiagram>{shape.format('a', 50)}{shape.format('b', 'nan')}</BPMNDiagram>"
    nodes = {"s": "startEvent", "a": "task", "b": "task", "e": "endEvent"}
    model = read_model(bpmn_of(tmp_path, nodes, [("s", "a"), ("a", "b"), ("b", "e")], extra=extra))
    assert model.nodes.select("node", "x", "y").rows()[1:3] == [("a", 100.0, 50.0), ("b", None, None)]


def test_a_model_without_a_drawing_is_laid_out_from_left_to_right(tmp_path: Path) -> None:
    spots = place_nodes(parallel(tmp_path)).spots
    assert spots["s"][0] < spots["a"][0] < spots["b"][0] < spots["d"][0]
    assert spots["b"][1] != spots["c"][1]


def picture(**changes: Any) -> Any:
    events, segments, process = work()
    steps = list_official_steps(events, segments, process, LINE, standards=USUAL)
    inside = list_inside_deviations(events, segments, process, LINE, standards=USUAL)
    given: dict[str, Any] = {"replay": replay_model(process, LINE), "deviations": list_process_deviations(process, LINE),
                             "inside": inside, "min_people": 3} | changes  # fmt: skip
    return official_flow(model_of(LINE), steps, **given)


def test_the_picture_says_what_happens_inside() -> None:
    words = picture().to_dict()["description"]
    assert (
        "0 of 6 cases (0 %) follow the official flow to its end, 6 (100 %) follow it so far and are not finished"
        in words
    )
    assert "50 % of 6 executions go to “sheet”" in words


def test_work_of_few_people_is_not_in_the_picture() -> None:
    assert "sheet" in picture().to_json()
    assert "sheet" not in picture(min_people=5).to_json()
    assert "T01" not in picture(min_people=7).to_json()


def spoken(**changes: Any) -> str:
    """The text of a picture in which some figures of "match" are others."""
    steps = list_official_steps(*work(), LINE, standards=USUAL).with_columns(
        pl.when(pl.col("activity") == "match").then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in changes.items()
    )
    return (
        official_flow(model_of(LINE), steps, activity="match", min_people=3)
        .to_json(ensure_ascii=False)
        .replace("\N{NO-BREAK SPACE}", " ")
    )


def test_the_time_of_a_step_of_few_people_is_not_told() -> None:
    assert "2.0 h" in spoken(people=6, elapsed_median_seconds=7200.0)
    assert "2.0 h" not in spoken(people=2, elapsed_median_seconds=7200.0)
    assert "2.0 h" in spoken(people=0, elapsed_median_seconds=7200.0)  # the process log alone says it


def test_few_cases_that_leave_the_model_are_not_counted() -> None:
    assert "It is repeated in fewer than 3 cases." in spoken(repeated=1)
    assert "It is repeated in 4 cases." in spoken(repeated=4)
    assert "It is repeated" not in spoken(repeated=4, people=2)


def test_the_share_that_leaves_the_usual_way_rests_on_enough_people() -> None:
    assert "50 % of its 6 executions do not keep" in spoken()
    assert "do not keep" not in spoken(measured_people=2)


def test_a_click_in_an_offline_page_shows_another_activity(tmp_path: Path, window: SimpleNamespace) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    page = tmp_path / "flow.html"
    page.write_text(vl_convert.vegalite_to_html(picture().to_json(), bundle=True, renderer="svg"), encoding="utf-8")
    window.page.goto(page.as_uri())
    text = "() => [...document.querySelectorAll('svg text')].map(t => t.textContent).join('|')"
    window.page.wait_for_function("() => document.querySelector('svg .mark-symbol path')")
    assert "match: 6 of 6 cases pass" in window.page.evaluate(text)
    window.page.locator("svg .mark-symbol path[aria-label*='activity: pay;'][fill=transparent]").click()
    window.page.wait_for_function(f"() => ({text})().includes('pay: 0 of 0 cases pass')")
    assert "|sheet|" not in window.page.evaluate(text)  # the title tells it still
    window.page.locator("select").select_option(label="match")  # the same without a mouse
    window.page.wait_for_function(f"() => ({text})().includes('match: 6 of 6 cases pass')")
    assert "|sheet|" in window.page.evaluate(text)


# --- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_sums_up_what_fits_and_what_the_log_does_not_show() -> None:
    events, segments, process = work()
    flow = OfficialFlow(events, segments, process, standard_from_steps(["enter", "match"]), min_people=3)
    assert flow.summary().startswith("6 of 6 cases (100 %) follow the official flow 'standard' to its end. ")
    assert "on the way to “match” 50 % of 6 executions leave the usual way for “sheet”" in flow.summary()
    assert flow.summary().figures[0].startswith("Mean fitness 1.00, where 1 is a perfect fit; ")


def test_the_page_names_no_work_of_few_people() -> None:
    events, segments, process = work()
    flow = OfficialFlow(events, segments, process, standard_from_steps(["enter", "match"]), min_people=4)
    assert "sheet" not in " ".join([flow.summary(), *flow.summary().figures])


def test_the_page_without_a_process_log_or_model_says_so() -> None:
    events, segments, process = work()
    for flow in (OfficialFlow(events, segments, None, LINE), OfficialFlow(events, segments, process, None)):
        assert flow.steps is None
        assert flow.summary().startswith("No process log and official model")
        assert flow.draw().to_dict()["description"] == flow.summary()
