"""Pictures of the process: the map, the inside of its steps, the discovered model and one case on one time axis."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit import report
from taskkit.charts.process_case import _Axis, case_view
from taskkit.charts.process_graph import BOX_HEIGHT, BOX_WIDTH, place_process
from taskkit.charts.process_inside import process_explorer
from taskkit.charts.process_map import MEASURES, process_map, tell_steps
from taskkit.charts.process_model import model_map
from taskkit.charts.process_words import most_hidden, say_facts, say_unshown
from taskkit.errors import MissingExtraError, SettingError
from taskkit.overlay import discovery
from taskkit.overlay.discovery import discover_model
from taskkit.overlay.effort import step_effort
from taskkit.overlay.insides import look_inside
from taskkit.report.offline import render_chart, vega_bundle
from taskkit.widgets.displays import STYLE
from taskkit.widgets.process import ProcessExplorer
from tests.frames import START, make_events
from tests.test_browser_pages import open_page

PEOPLE = [f"p_secret{n}" for n in range(6)]
SHEET = ["erp", "xl", "xl", "chat", "erp"]


def booking(case: str, activity: str, at: datetime, user: str) -> dict[str, Any]:
    return {"case_id": case, "activity": activity, "timestamp": at, "resource": user}


@pytest.fixture(scope="module")
def log() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each person enters and approves eight cases; every other approval goes through a sheet and waits a day."""
    rows: list[pl.DataFrame] = []
    booked: list[dict[str, Any]] = []
    for number, user in enumerate(PEOPLE):
        steps: list[dict[str, Any]] = []
        for turn in range(8):
            case, at = f"C{number}{turn}", START + timedelta(days=3 * turn, hours=number)
            booked.append(booking(case, "Enter", at + timedelta(minutes=2), user))
            steps += [{"case_id": case, "app": "erp", "timestamp": at + timedelta(seconds=20 * n)} for n in range(5)]
            wait = timedelta(days=1) if turn % 2 else timedelta(hours=1)
            way = SHEET if turn % 2 else ["erp"] * 5
            for n, app in enumerate(way):
                moment = at + wait + timedelta(seconds=20 * n)
                kind = "paste" if app == "xl" else "click"
                task = {"task_id": "T02", "variant_id": f"T02-V{1 + turn % 2}"}
                steps.append({"case_id": case, "app": app, "timestamp": moment, "event_type": kind, **task})
            booked.append(booking(case, "Approve", at + wait + timedelta(minutes=2), user))
        rows.append(make_events(steps, user=user, session_id=f"s{number}", case_confidence=0.8,
                                case_source="visible").with_columns(
            active_seconds=pl.lit(20.0)))  # fmt: skip
    return pl.concat(rows), pl.DataFrame(booked)


@pytest.fixture(scope="module")
def explorer(log: tuple[pl.DataFrame, pl.DataFrame]) -> ProcessExplorer:
    return ProcessExplorer(*log, names={"T02": "Get it signed"})


def params(spec: dict[str, Any]) -> dict[str, Any]:
    return {p["name"]: p for p in spec["params"]}


# ------------------------------------------------------------------------------------------------------------- insides
def test_a_way_is_the_applications_that_hold_a_part_of_the_time(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    ways = look_inside(*log).ways.filter(pl.col("activity") == "Approve")
    assert sorted(ways["apps"].to_list()) == [["erp"], ["erp", "xl", "chat"]]
    assert ways["bookings"].to_list() == [24, 24]
    sheet = ways.filter(pl.col("apps").list.len() == 3).row(0, named=True)
    assert (sheet["app_seconds"], sheet["app_pastes"], sheet["outside_pastes"]) == (
        [40.0, 40.0, 20.0],
        [0.0, 2.0, 0.0],
        2.0,
    )
    assert sheet["elapsed_median_seconds"] == pytest.approx(86_400, abs=5)


def test_a_glance_makes_no_new_way(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    ways = look_inside(events, process, way_share=0.3).ways.filter(pl.col("activity") == "Approve")
    assert sorted(ways["apps"].to_list()) == [["erp"], ["erp", "xl"]]


def test_the_applications_of_a_step_add_up_to_its_time(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    apps = look_inside(events, process).apps
    hours = float(events["active_seconds"].sum()) / 3600
    assert apps["active_hours"].sum() == pytest.approx(hours)
    assert apps.group_by("activity").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1.0, 1.0])


def test_tasks_have_a_row_and_one_for_each_variant(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    tasks = look_inside(*log).tasks
    assert tasks.select("task_id", "variant_id", "bookings").rows() == [
        ("T02", None, 48), ("T02", "T02-V1", 24), ("T02", "T02-V2", 24)
    ]  # fmt: skip


def test_the_insides_do_not_depend_on_the_order_of_rows(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    shuffled = look_inside(
        events.sample(fraction=1, shuffle=True, seed=3), process.sample(fraction=1, shuffle=True, seed=4)
    )
    for one, other in zip(look_inside(events, process), shuffled, strict=True):
        assert one.equals(other)


def test_events_without_tasks_have_no_tasks_inside(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    found = look_inside(events.drop("task_id", "variant_id"), process)
    assert found.tasks.is_empty()
    assert found.ways.height == 3


def test_a_share_over_one_is_refused(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    with pytest.raises(SettingError, match="0 to 1"):
        look_inside(*log, way_share=2)


# ---------------------------------------------------------------------------------------------------------- the layout
NODES = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@settings(max_examples=40, deadline=None)
@given(st.sets(st.tuples(NODES, NODES).filter(lambda edge: edge[0] != edge[1]), min_size=1, max_size=14))
def test_boxes_never_overlap_and_everything_lies_on_the_paper(pairs: set[tuple[str, str]]) -> None:
    inner = {node for pair in pairs for node in pair}
    edges = dict.fromkeys(pairs, 1.0) | {("start", node): 1.0 for node in inner} | {(n, "end"): 1.0 for n in inner}
    drawn = place_process(edges, kinds={"start": "start", "end": "end"}, start="start", end="end")
    boxes = drawn.nodes.filter(pl.col("kind") == "task").select("x", "y").rows()
    for number, (x, y) in enumerate(boxes):
        assert BOX_WIDTH / 2 <= x <= drawn.width - BOX_WIDTH / 2
        assert BOX_HEIGHT / 2 <= y <= drawn.height - BOX_HEIGHT / 2
        for other_x, other_y in boxes[:number]:
            assert abs(x - other_x) >= BOX_WIDTH - 1 or abs(y - other_y) >= BOX_HEIGHT - 1
    assert drawn.lines.select("before", "after").unique().height == len(edges)


def test_labels_of_arrows_stay_clear_of_arrow_heads() -> None:
    chain = {("start", "A"): 9.0, ("A", "B"): 9.0, ("B", "C"): 9.0, ("C", "end"): 9.0}
    edges = chain | {("B", "A"): 2.0, ("C", "B"): 3.0}
    drawn = place_process(edges, kinds={"start": "start", "end": "end"}, start="start", end="end")
    labels = drawn.labels.filter(~pl.col("before").is_in(["start", "C"]))  # no room beside the small signs
    for x, y in labels.select("x", "y").iter_rows():
        for head_x, head_y in drawn.heads.select("x", "y").iter_rows():
            assert abs(x - head_x) > 23 or abs(y - head_y) > 13


def test_a_long_process_is_drawn_from_top_to_bottom() -> None:
    steps = ["start", *(f"step {n:02}" for n in range(14)), "end"]
    edges = dict.fromkeys(pairwise(steps), 1.0)
    drawn = place_process(edges, kinds={"start": "start", "end": "end"}, start="start", end="end")
    assert not drawn.across
    assert drawn.width < 400


# ------------------------------------------------------------------------------------------------------------- the map
def test_every_known_measure_can_be_chosen(explorer: ProcessExplorer) -> None:
    spec = process_map(explorer.process, explorer.effort, transitions=explorer.transitions, min_people=5).to_dict()
    assert set(params(spec)["measure"]["bind"]["options"]) == set(MEASURES)
    assert params(spec)["measure"]["value"] == "touch"


def test_an_unknown_measure_is_refused_with_the_known(explorer: ProcessExplorer) -> None:
    with pytest.raises(SettingError, match="Did you mean 'touch'"):
        process_map(explorer.process, explorer.effort, measure="toch")


def test_arrows_tell_the_median_time_of_the_transition(explorer: ProcessExplorer) -> None:
    drawn = json.dumps(process_map(explorer.process, explorer.effort, transitions=explorer.transitions).to_dict())
    assert "12.5 h" in drawn  # half of the approvals after an hour, half after a day


def test_steps_of_few_people_are_not_told() -> None:
    effort = pl.DataFrame({"activity": ["A", "B", "C"], "people": [4, 5, 0], "touch_median_seconds": [9.0, 8.0, None],
                           "elapsed_median_seconds": [90.0, 80.0, 70.0]})  # fmt: skip
    told = tell_steps(effort, 5)
    assert told["touch_median_seconds"].to_list() == [None, 8.0, None]
    assert told["elapsed_median_seconds"].to_list() == [None, 80.0, 70.0]
    assert told["people"].to_list() == [None, 5, 0]


def test_a_map_without_effort_is_drawn_without_colour(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    spec = process_map(log[1]).to_dict()
    assert "params" not in spec
    assert "Approve" in json.dumps(spec)


# -------------------------------------------------------------------------------------------------- inside of the step
def test_the_step_with_most_values_carried_is_shown_first(explorer: ProcessExplorer) -> None:
    spec = explorer.static().to_dict()
    assert params(spec)["step"]["value"] == [{"step": "Approve"}]
    title = " ".join(spec["title"]["text"]) if isinstance(spec["title"]["text"], list) else spec["title"]["text"]
    assert title.startswith(
        "Most pasted beside the system: before “Approve” 24.0 h pass where 2.0 values a booking are pasted outside erp"
    )
    assert "erp → xl → chat" in title
    assert "1.0 h where it is done in erp alone" in title


def test_a_title_about_a_chosen_step_claims_nothing_about_the_whole(explorer: ProcessExplorer) -> None:
    assert "Most" not in str(explorer.draw(step="Enter").to_dict()["title"]["text"])


def test_a_task_of_few_people_is_not_shown_but_said_to_be_there(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    few = pl.col("task_id").is_not_null() & pl.col("user").is_in(PEOPLE[:3])
    mixed = events.with_columns(task_id=pl.when(few).then(pl.lit("T07")).otherwise("task_id"))
    drawn = json.dumps(process_explorer(process, step_effort(mixed, process), look_inside(mixed, process),
                                        min_people=5, names={"T07": "Secret thing"}).to_dict())  # fmt: skip
    assert "2 more tasks, in up to 50 % of the bookings, are not shown: fewer than 5 people do each of them." in drawn
    assert "Secret thing" not in drawn


def test_one_task_of_few_people_is_said_in_the_singular() -> None:
    rows = [("A", "T02", None, 0.16, 6, 9.0), ("A", "T07", None, 0.92, 4, 9.0), ("A", "T07", "T07-V1", 0.9, 4, 9.0),
            ("A", "T09", None, 0.01, 1, 9.0)]  # fmt: skip
    names = ["activity", "task_id", "variant_id", "share", "people", "median_seconds"]
    said = say_unshown(pl.DataFrame(rows, schema=names, orient="row"), 5)
    assert said == "1 more task, in 92 % of the bookings, is not shown: fewer than 5 people do it."
    assert say_unshown(pl.DataFrame(rows, schema=names, orient="row"), 1) == ""


def test_three_bookings_are_no_way(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    three = (pl.col("case_id").is_in(["C01", "C11", "C21"])) & (pl.col("app") == "chat")
    rare = events.with_columns(app=pl.when(three).then(pl.lit("seldom")).otherwise("app"))
    drawn = process_explorer(process, step_effort(rare, process), look_inside(rare, process), min_people=1).to_dict()
    assert "1 more way, 3 bookings: rarer" in json.dumps(drawn)


def test_the_recorded_work_of_a_step_is_counted_in_bookings() -> None:
    row = {"people": 14, "touch_median_seconds": 60.0, "process_events": 458, "cases": 458, "cases_with_work": 323}
    assert say_facts(row).endswith("recorded work of 14 people behind 323 of 458 bookings.")
    assert "behind at least 323 of 500 bookings" in say_facts(row | {"process_events": 500})


def test_calendar_time_is_said_to_be_calendar_time(explorer: ProcessExplorer) -> None:
    for chart in (explorer.static(), process_map(explorer.process, explorer.effort)):
        assert "calendar time, nights and weekends included" in chart.to_dict()["description"]


def test_the_tip_of_a_box_names_its_measure(explorer: ProcessExplorer) -> None:
    drawn = json.dumps(explorer.static().to_dict())
    assert '"title": "measure"' not in drawn
    assert "active desktop time of a booking (median)" in drawn
    assert '"field": "told", "title": "coloured by"' in drawn


def test_without_carrying_the_most_hours_outside_lead() -> None:
    told = pl.DataFrame({"activity": ["A", "B"], "excursion_pastes_mean": [0.1, 0.2], "excursion_share": [0.9, 0.5],
                         "touch_median_seconds": [100.0, 20.0], "cases_with_work": [10, 10]})  # fmt: skip
    assert most_hidden(told) == "A"


def test_another_step_can_be_shown_first(explorer: ProcessExplorer) -> None:
    spec = explorer.draw(step="Enter", measure="waiting").to_dict()
    assert params(spec)["step"]["value"] == [{"step": "Enter"}]
    assert params(spec)["measure"]["value"] == "waiting"
    assert params(explorer.draw().to_dict())["step"]["value"] == [{"step": "Approve"}]  # what is kept is not changed


def test_ways_of_few_people_are_summed_up(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    rare = events.with_columns(
        app=pl.when((pl.col("user") == PEOPLE[0]) & (pl.col("app") == "chat")).then(pl.lit("lonely")).otherwise("app")
    )
    drawn = process_explorer(process, step_effort(rare, process), look_inside(rare, process)).to_dict()
    text = json.dumps(drawn)
    assert "lonely" not in text
    assert "1 more way, 4 bookings: rarer, or of fewer than 5 people" in text


def test_nobody_is_named_in_the_pictures(explorer: ProcessExplorer, log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    text = json.dumps(explorer.static().to_dict()) + json.dumps(case_view(*log).to_dict())
    assert "secret" not in text
    assert "C00" not in text


def test_without_recorded_work_a_sentence_says_so(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    empty = events.with_columns(case_id=pl.lit(None, pl.String))
    found = ProcessExplorer(empty, process).draw().to_dict()
    assert "No desktop work could be laid over the process" in found["description"]


def test_without_a_process_log_the_control_says_so(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    alone = ProcessExplorer(log[0], None)
    for chart in (alone.static(), alone.model()):
        assert chart.to_dict()["description"].startswith("No process log was given")


def test_another_main_application_changes_what_is_outside(explorer: ProcessExplorer) -> None:
    text = json.dumps(explorer.draw(main_app="xl").to_dict())
    assert "xl (main)" in text
    assert "erp (main)" in json.dumps(explorer.draw().to_dict())


# ----------------------------------------------------------------------------------------------------------- the model
def traces(*ways: str) -> pl.DataFrame:
    return pl.DataFrame([
        {"case_id": f"{n}", "activity": step, "timestamp": START + timedelta(hours=h)}
        for n, way in enumerate(ways) for h, step in enumerate(way)
    ])  # fmt: skip


def test_a_choice_becomes_a_pair_of_gateways() -> None:
    model = discover_model(traces("ABD", "ACD", "ABD"), noise=0.0)
    kinds = dict(model.nodes["kind"].value_counts().iter_rows())
    assert kinds == {"start": 1, "end": 1, "task": 4, "exclusive": 2}
    assert model.fitting == 1.0


def test_what_is_left_out_does_not_fit() -> None:
    model = discover_model(traces(*["ABCD"] * 19, "DABC"), noise=0.4)
    assert model.nodes["name"].drop_nulls().to_list() == ["A", "B", "C", "D"]
    assert model.edges.height == 5
    assert model.fitting == pytest.approx(0.95)


def test_a_loop_leads_back() -> None:
    model = discover_model(traces("AB", "ABAB", "ABABAB"), noise=0.0)
    assert model.edges["back"].sum() == 1
    drawn = place_process(
        {(a, b): 1.0 if back else 2.0 for a, b, back in model.edges.iter_rows()},
        kinds=dict(model.nodes.select("node", "kind").iter_rows()), start="start", end="end",
    )  # fmt: skip
    assert drawn.lines.filter("back").select("before", "after").unique().height == 1


@pytest.mark.parametrize("ways", [["AB", "BA", "A"], ["ABC", "AC", "ACBC"], ["A"], ["ABCD", "ACBD", "AD"]])
def test_every_node_is_on_a_way_from_start_to_end(ways: list[str]) -> None:
    model = discover_model(traces(*ways), noise=0.0)
    nodes, edges = set(model.nodes["node"]), model.edges.select("before", "after").rows()
    for first, pairs in (("start", edges), ("end", [(b, a) for a, b in edges])):
        seen, fresh = {first}, [first]
        while fresh:
            node = fresh.pop()
            new = {b for a, b in pairs if a == node} - seen
            seen |= new
            fresh += new
        assert seen == nodes


def test_the_model_does_not_depend_on_the_order_of_rows() -> None:
    log = traces("ABD", "ACD", "ABCD", "AD")
    one, other = discover_model(log, noise=0.0), discover_model(log.sample(fraction=1, shuffle=True, seed=1), noise=0.0)
    assert one.nodes.equals(other.nodes)
    assert one.edges.equals(other.edges)


def test_a_log_without_cases_has_no_model() -> None:
    model = discover_model(traces("A").clear())
    assert model.fitting is None
    assert "no bookings" in model_map(model).to_dict()["description"]


def test_without_pm4py_the_picture_is_a_sentence_with_the_cure(
    explorer: ProcessExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(**_: Any) -> None:
        raise MissingExtraError("A discovered model needs pm4py. Install it with: pip install 'taskkit[lab]'.")

    monkeypatch.setattr(discovery, "import_pm4py", absent)
    assert "pip install" in explorer.model().to_dict()["description"]


def test_the_model_is_drawn_with_its_measures(explorer: ProcessExplorer) -> None:
    spec = explorer.model(measure="waiting").to_dict()
    assert params(spec)["measure"]["value"] == "waiting"
    assert "A model that fits 100 % of the cases" in spec["description"]


# ------------------------------------------------------------------------------------------------------------ one case
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 5000)), min_size=1, max_size=60), st.floats(60, 7200))
def test_the_time_axis_keeps_the_order_and_the_paper(spans: list[tuple[float, float]], silence: float) -> None:
    ordered = sorted((low, low + long) for low, long in spans)
    axis = _Axis(ordered, silence)
    moments = sorted({moment for span in ordered for moment in span})
    places = [axis.place(moment) for moment in moments]
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= 960.1


def test_two_people_have_two_lanes(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    mixed = events.with_columns(user=pl.when(pl.col("app") == "xl").then(pl.lit("p_other")).otherwise("user"))
    drawn = json.dumps(case_view(mixed, process).to_dict())
    assert "person 1" in drawn
    assert "person 2" in drawn
    assert "p_other" not in drawn


def test_a_less_sure_piece_of_work_is_paler(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    spec = case_view(*log).to_dict()
    bars = spec["vconcat"][1]["layer"][1]
    assert bars["encoding"]["opacity"]["field"] == "sure"
    assert ",0.8," in spec["datasets"][bars["data"]["name"]]


def test_cases_and_colours_can_be_chosen(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    found = params(case_view(*log, cases=4).to_dict())
    assert len(found["chosen"]["bind"]["options"]) <= 4
    assert found["shade"]["bind"]["options"] == ["app", "task"]


def test_a_process_log_without_resources_is_drawn(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = log
    assert "Case A" in json.dumps(case_view(events, process.drop("resource")).to_dict())


def test_the_shortest_silence_is_said_in_words(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    assert "Silences of 15 min and more" in case_view(*log).to_dict()["description"]


def test_silences_are_cut_out_and_named(log: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    assert "24.0 h" in json.dumps(case_view(*log, pause="10m").to_dict())


# ------------------------------------------------------------------------------------------------------------- browser
@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, explorer: ProcessExplorer) -> Path:
    """The picture as an exported page carries it: the library, the specification, no kernel."""
    path = tmp_path_factory.mktemp("process") / "page.html"
    markup = render_chart(explorer.static().to_dict())["text/html"]
    path.write_text(f"<!doctype html><meta charset='utf-8'>{STYLE}<script>{vega_bundle()}</script>{markup}")
    return path


def test_a_click_on_a_step_opens_its_ways_in_the_exported_page(window: SimpleNamespace, page: Path) -> None:
    open_page(window, page)
    chart = window.page.locator(".tk-chart")
    assert chart.get_by_text("Inside “Approve”").count() == 1
    assert chart.get_by_text("2.0 pasted into it", exact=True).count() == 1
    chart.get_by_text("Enter", exact=True).first.click(force=True)  # the text lies on its box
    chart.get_by_text("Inside “Enter”").wait_for(timeout=5000)
    assert chart.get_by_text("Inside “Approve”").count() == 0
    assert chart.get_by_text("2.0 pasted into it", exact=True).count() == 0
    assert window.errors == []


def test_the_list_chooses_the_step_by_keyboard(window: SimpleNamespace, page: Path) -> None:
    open_page(window, page)
    chart = window.page.locator(".tk-chart")
    chart.locator("select").first.select_option(label="Enter")
    chart.get_by_text("Inside “Enter”").wait_for(timeout=5000)
    chart.locator("select").first.select_option(label="Approve")
    chart.get_by_text("2.0 pasted into it", exact=True).wait_for(timeout=5000)
    assert window.errors == []


def test_the_measure_recolours_the_map(window: SimpleNamespace, page: Path) -> None:
    open_page(window, page)
    chart = window.page.locator(".tk-chart")
    assert chart.get_by_text("12.5 h", exact=True).count() >= 1  # on the arrow
    before = chart.locator("svg").inner_html()
    chart.locator("select").nth(1).select_option(value="people")
    window.page.wait_for_timeout(300)
    assert chart.locator("svg").inner_html() != before
    assert window.errors == []


def draw_page(folder: Path, spec: dict[str, Any]) -> Path:
    """A page with one chart, in the style of exported pages."""
    style = (Path(report.__file__).parent / "page.css").read_text()
    markup = render_chart(spec)["text/html"]
    path = folder / "page.html"
    path.write_text(
        f"<!doctype html><meta charset='utf-8'><style>{style}</style>{STYLE}<script>{vega_bundle()}</script>{markup}"
    )
    return path


def whole(chart: Any) -> bool:
    """Whether everything that is drawn lies inside the picture."""
    return bool(chart.locator("svg").evaluate(
        "svg => svg.querySelector('g.root, g').getBoundingClientRect().bottom <= svg.getBoundingClientRect().bottom + 1"
    ))  # fmt: skip


def test_a_case_of_more_people_is_not_cut_off(
    window: SimpleNamespace, tmp_path: Path, log: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    events, process = log
    turns = pl.col("case_id") == "C01"
    crowd = events.with_columns(
        user=pl.when(turns).then(pl.format("q{}", pl.int_range(pl.len()) % 7)).otherwise("user"),
        active_seconds=pl.when(turns).then(30.0).otherwise("active_seconds"),
    )
    spec = case_view(crowd, process).to_dict()
    open_page(window, draw_page(tmp_path, spec))
    chart = window.page.locator(".tk-chart")
    labels = spec["params"][0]["bind"]["labels"]
    assert "1 person" in labels[0]
    most = next(n for n, label in enumerate(labels) if "7 people" in label)
    low = chart.locator("svg").bounding_box()["height"]
    chart.locator("select").first.select_option(index=most)
    chart.get_by_text("person 7").wait_for(timeout=5000)
    window.page.wait_for_timeout(300)
    assert chart.locator("svg").bounding_box()["height"] > low + 5 * 34
    assert whole(chart)


def test_a_step_with_more_ways_is_not_cut_off(
    window: SimpleNamespace, tmp_path: Path, explorer: ProcessExplorer
) -> None:
    open_page(window, draw_page(tmp_path, explorer.draw(step="Enter").to_dict()))
    chart = window.page.locator(".tk-chart")
    chart.locator("select").first.select_option(label="Approve")
    chart.get_by_text("Inside “Approve”").wait_for(timeout=5000)
    window.page.wait_for_timeout(300)
    assert whole(chart)


def test_a_chart_wider_than_the_page_shows_that_it_scrolls(
    window: SimpleNamespace, tmp_path: Path, explorer: ProcessExplorer
) -> None:
    path = draw_page(tmp_path, explorer.static().to_dict())
    window.page.set_viewport_size({"width": 800, "height": 900})
    try:
        open_page(window, path)
        chart = window.page.locator(".tk-chart")
        window.page.wait_for_timeout(500)
        assert chart.evaluate("box => box.scrollWidth > box.clientWidth")
        right = dark_at_the_right(window)
        chart.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
        window.page.wait_for_timeout(200)
        assert right > 60 > dark_at_the_right(window)
    finally:
        window.page.set_viewport_size({"width": 1300, "height": 1000})


def dark_at_the_right(window: SimpleNamespace) -> float:
    """How dark the last column of the chart is as a reader sees it, 0 to 255, in the middle of its rows."""
    picture = window.page.locator(".tk-chart").screenshot()
    shades = window.page.evaluate(
        """async picture => {
            const image = new Image(); image.src = picture; await image.decode();
            const canvas = document.createElement('canvas'); canvas.width = image.width; canvas.height = image.height;
            const pen = canvas.getContext('2d'); pen.drawImage(image, 0, 0);
            const data = pen.getImageData(image.width - 2, 0, 1, image.height).data;
            return Array.from({length: image.height}, (_, y) => 255 - data[4 * y]);
        }""",
        "data:image/png;base64," + base64.b64encode(picture).decode(),
    )
    return float(sorted(shades)[len(shades) // 2])


def test_an_activity_called_start_is_a_step_like_others() -> None:
    at = [START + timedelta(hours=h) for h in range(3)]
    process = pl.DataFrame({"case_id": ["C1"] * 3, "activity": ["start", "Pay", "end"], "timestamp": at})
    drawn = process_map(process).to_dict()
    text = json.dumps(drawn, ensure_ascii=False)
    assert all(f"\\n{edge}," in text for edge in ("\u2060start,start", "start,Pay", "Pay,end", "end,\u2060end"))
    assert all(f",{tip}" in text for tip in ("start → start", "start → Pay", "Pay → end", "end → end"))
    assert process_map(process.head(1)).to_dict()["title"]


def test_no_booking_is_without_a_way() -> None:
    at = [START + timedelta(minutes=m) for m in range(4)]
    events = make_events(list("abcd"), active_seconds=10.0, case_id="C1").with_columns(
        app=pl.Series(["x", "y", "z", "x"]), timestamp=pl.Series(at)
    )
    process = pl.DataFrame({"case_id": ["C1"], "activity": ["Pay"], "timestamp": at[3:]})
    assert look_inside(events, process, way_share=0.9).ways["bookings"].to_list() == [1]
