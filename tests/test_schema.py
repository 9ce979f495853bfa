"""The contracts of all frames."""

from __future__ import annotations

import polars as pl
import pytest

from taskkit.errors import ContractError, SettingError, check_choice
from taskkit.schema import CONTRACTS, EVENTS, check, require, require_columns
from tests.frames import make_events


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_every_column_has_a_meaning(contract) -> None:  # type: ignore[no-untyped-def]
    assert all(column.meaning for column in contract.columns)


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_an_empty_frame_of_the_contract_holds(contract) -> None:  # type: ignore[no-untyped-def]
    assert check(pl.DataFrame(schema=contract.schema), contract).is_empty()


def test_the_required_events_columns_are_those_of_the_design() -> None:
    assert EVENTS.required == ("user", "session_id", "seq", "timestamp", "app", "event_type")


def test_every_problem_is_listed_at_once() -> None:
    broken = (
        make_events(["a", "b"], x=2.0).drop("session_id").with_columns(user=pl.lit(None, pl.String), seq=pl.lit("one"))
    )
    assert check(broken)["column"].to_list() == ["user", "session_id", "seq", "x"]


def test_a_problem_says_how_many_rows_and_which_is_first() -> None:
    broken = make_events(["a", "b", "c"]).with_columns(user=pl.Series(["p", None, None]))
    assert check(broken).row(0, named=True) | {"allowed": ""} == {
        "column": "user", "rows": 2, "first_row": 1, "found": "null", "allowed": ""
    }  # fmt: skip


def test_a_key_that_is_there_twice_is_found() -> None:
    twice = pl.concat([make_events(["a"]), make_events(["b"])])
    assert check(twice)["found"][0].startswith("the same key twice")


def test_own_columns_are_allowed() -> None:
    assert check(make_events(["a"]).with_columns(mine=pl.lit(1))).is_empty()


def test_require_names_the_source_and_all_columns() -> None:
    with pytest.raises(ContractError, match=r"(?s)in monday\.parquet.*'user'.*'seq'"):
        require(make_events(["a"]).drop("user", "seq"), source="monday.parquet")


def test_a_missing_stage_is_named() -> None:
    with pytest.raises(ContractError, match="made by name_activities"):
        require_columns(make_events(["a"]), "activity", made_by="name_activities")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(SettingError, match=r"Did you mean 'anchor'.*Known: anchor, gap"):
        check_choice("ancor", allowed=["gap", "anchor"], what="method")
