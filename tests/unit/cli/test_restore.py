"""The window of a restore, the names that it gives, and the file of settings that it writes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.restoring import since, stage_file, tables
from infra.event_docs import example_of, fact_types, open_members
from shared.core.settings import Settings

EARLIEST, LATEST = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, 3, tzinfo=UTC)
STREAM = "arn:aws:dynamodb:eu-central-1:123456789012:table/tea/stream/2026-11-20T05:12:00.123"


def test_a_table_is_restored_to_moments_of_its_window_alone() -> None:
    for moment in (EARLIEST, EARLIEST + timedelta(days=3), LATEST):
        tables.check_window(moment, EARLIEST, LATEST)
    for moment in (EARLIEST - timedelta(seconds=1), LATEST + timedelta(seconds=1)):
        with pytest.raises(tables.CannotRestore, match="from 2026-11-01T00:00:00Z to 2026-11-20T03:00:00Z"):
            tables.check_window(moment, EARLIEST, LATEST)
    with pytest.raises(tables.CannotRestore, match="no point-in-time recovery"):
        tables.check_window(LATEST, None, None)


def test_the_name_of_a_restored_table_says_of_what_and_of_when_it_is() -> None:
    name = tables.target_name(Settings(stage="prod"), tables.CUSTOMERS, LATEST)
    assert name == "regulars-prod-customers-20261120T030000Z"


def test_settings_take_their_place_in_the_file_and_all_else_stays() -> None:
    text = "# the shop\nSENDER=a@b.example\nTABLE = old\n\nSHOP_NAME=Tea = Cups\nTABLE=older\n#TABLE=x"
    assert stage_file.with_settings(text, {"TABLE": "new", "STREAM": STREAM}) == (
        f"# the shop\nSENDER=a@b.example\nTABLE=new\n\nSHOP_NAME=Tea = Cups\n#TABLE=x\nSTREAM={STREAM}\n"
    )


@given(st.lists(st.sampled_from(["A=1", "B=2", "# A=3", "", "A_B=4", " A =5", "AB"])))
def test_a_setting_is_in_the_file_once_and_written_twice_it_is_the_same(lines: list[str]) -> None:
    once = stage_file.with_settings("\n".join(lines), {"A": "new"})
    assert [line for line in once.splitlines() if line.partition("=")[0].strip() == "A"] == ["A=new"]
    assert stage_file.with_settings(once, {"A": "new"}) == once
    others = [line for line in lines if line.partition("=")[0].strip() != "A"]
    assert [line for line in once.splitlines() if line and line != "A=new"] == [line for line in others if line]


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    file = tmp_path / "stages" / "prod.env"
    stage_file.write(file, {"TABLE": "new"})
    assert [path.read_text() for path in file.parent.iterdir()] == ["TABLE=new\n"]


def test_facts_of_opt_outs_are_whole_in_the_log() -> None:
    assert {"ConsentWithdrawn", "ConsentSuppressed", "CustomerSignedOut", "MailPaused"} == since.OPT_OUTS
    for name in since.OPT_OUTS:
        assert set(open_members()[name]) >= set(fact_types()[name].data.__annotations__), name
        assert example_of(fact_types()[name])


def test_a_restored_table_and_its_stream_are_set_together() -> None:
    settings = Settings(restored_customers_table="tea", restored_customers_stream=STREAM)
    assert Settings.from_environment(settings.to_environment()) == settings
    for table, stream in (("tea", ""), ("", STREAM), ("teas", STREAM), ("tea", "tea/stream/2026")):
        with pytest.raises(ValueError, match="restored_customers_stream"):
            Settings(restored_customers_table=table, restored_customers_stream=stream)
    with pytest.raises(ValueError, match="restored_scorecards_table 'a b'"):
        Settings(restored_scorecards_table="a b")
