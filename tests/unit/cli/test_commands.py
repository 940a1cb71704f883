"""The `regulars` command: what goes wrong is one sentence and an exit code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import change_guard, deployment, up
from cli.main import app
from shared.core.settings import Settings


def test_a_file_without_the_needed_columns_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("order_id,email\n")
    result = CliRunner().invoke(app, ["import", str(path)])
    assert result.exit_code == 2
    assert result.stderr == (
        "regulars: shop.csv lacks the columns: ordered_at, total, currency. It has: order_id, email.\n"
    )


def test_a_key_for_a_scope_that_does_not_exist_is_refused() -> None:
    result = CliRunner().invoke(app, ["keys", "create", "--name", "shop", "--scope", "everything"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("regulars: There is no scope everything; there are cases:read, ")


def test_a_key_without_a_scope_is_refused_with_the_list_of_scopes() -> None:
    result = CliRunner().invoke(app, ["keys", "create", "--name", "shop"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("regulars: A key without a scope opens nothing; give --scope for each of what it ")
    assert "cases:read, " in result.stderr


def test_a_key_that_has_expired_before_it_is_made_is_refused() -> None:
    words = ["keys", "create", "--name", "shop", "--scope", "cases:read", "--expires", "2020-01-01"]
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stderr) == (2, "regulars: --expires lies in the past.\n")


def test_without_a_local_crm_a_command_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(deployment.Unreachable, match=r"^The local CRM is not running; `make up` starts it\.$"):
        deployment.connect("local", tmp_path)


def test_a_damaged_description_of_the_local_crm_is_reported(tmp_path: Path) -> None:
    (tmp_path / "local.json").write_text("{")
    with pytest.raises(deployment.Unreachable, match=r"local\.json is damaged"):
        deployment.connect("local", tmp_path)


def test_commands_other_than_up_down_and_demo_do_not_wait_for_cdk() -> None:
    code = "import sys, cli.main; print(sorted({'aws_cdk', 'jsii', 'moto'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_the_region_is_the_one_of_aws_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_REGION", raising=False)
    deployment.use_named_region()
    assert os.environ["AWS_DEFAULT_REGION"] == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    deployment.use_named_region()
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_a_deployment_that_changes_currency_or_zone_is_reported() -> None:
    deployed = Settings(stage="prod", currency="CHF", time_zone="Europe/Zurich", shop_name="Tea").to_environment()
    assert change_guard.changes(deployed, Settings(stage="prod", currency="CHF", time_zone="Europe/Zurich")) == []
    assert change_guard.changes(deployed, Settings(stage="prod")) == [
        "CURRENCY from CHF to EUR",
        "TIME_ZONE from Europe/Zurich to UTC",
    ]
    assert change_guard.changes({}, Settings(stage="prod")) == []


def test_such_a_deployment_is_refused_until_it_is_agreed_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(change_guard, "deployed_settings", lambda _: {"CURRENCY": "CHF"})
    monkeypatch.setenv("STAGE", "prod")
    monkeypatch.setenv("CURRENCY", "EUR")
    assert change_guard.main() == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "CURRENCY from CHF to EUR" in printed
    monkeypatch.setenv("CHANGE_MONEY_AND_TIME", "yes")
    assert change_guard.main() == 0


def test_a_deployment_that_forgets_restored_tables_is_refused_until_it_is_agreed_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed = {"RESTORED_CUSTOMERS_TABLE": "tea", "RESTORED_SCORECARDS_TABLE": ""}
    monkeypatch.setattr(change_guard, "deployed_settings", lambda _: deployed)
    monkeypatch.setenv("STAGE", "prod")
    assert change_guard.main() == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "put RESTORED_CUSTOMERS_TABLE=tea into stages/prod.env" in printed
    monkeypatch.setenv("LEAVE_RESTORED_TABLES", "yes")
    assert change_guard.main() == 0
    monkeypatch.delenv("LEAVE_RESTORED_TABLES")
    # Another restored table is meant: it was written there by the command.
    monkeypatch.setenv("RESTORED_CUSTOMERS_TABLE", "cups")
    stream = "arn:aws:dynamodb:eu-central-1:123456789012:table/cups/stream/2026-11-20T05:12:00.123"
    monkeypatch.setenv("RESTORED_CUSTOMERS_STREAM", stream)
    assert change_guard.main() == 0


def test_make_deploy_hands_on_every_setting_of_the_stages_file() -> None:
    makefile = (Path(__file__).parents[3] / "Makefile").read_text()
    (exported,) = re.findall(r"^export (SENDER .*)$", makefile, re.MULTILINE)
    assert {*exported.split(), "STAGE"} == Settings().to_environment().keys()


@pytest.mark.parametrize("setting", ["SENDER", "SHOP_ADDRESS"])
def test_make_deploy_demands_the_sender_and_the_shops_postal_address(tmp_path: Path, setting: str) -> None:
    root = Path(__file__).parents[3]
    given = {"SENDER": "hello@shop.example", "SHOP_ADDRESS": "1 Harbour Street, Exampleton"}
    kept = {name: value for name, value in os.environ.items() if name not in given}
    # Tools that only say that they were called: nothing is made and nothing deployed.
    for tool in ("python", "node"):
        (tmp_path / tool).write_text("#!/bin/sh\necho called\n")
        (tmp_path / tool).chmod(0o755)
    (tmp_path / "ready").touch()
    command = ["make", "deploy", "STAGE=none", f"BIN={tmp_path}", f"READY={tmp_path / 'ready'}"]
    others = {name: value for name, value in given.items() if name != setting}
    result = subprocess.run(command, cwd=root, env={**kept, **others}, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith(f"make deploy needs {setting}, ")
    complete = subprocess.run(command, cwd=root, env={**kept, **given}, capture_output=True, text=True, check=False)
    assert (complete.returncode, complete.stderr) == (0, "")


def test_up_takes_the_settings_of_the_local_stages_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "local.env"
    assert up.settings_of(file) == {}
    file.write_text("# Ours\nSHOP_NAME=Tea & Cups = Co\n\nLOCALE=de\nCURRENCY=CHF\n")
    monkeypatch.setenv("CURRENCY", "GBP")
    monkeypatch.delenv("LOCALE", raising=False)
    monkeypatch.delenv("SHOP_NAME", raising=False)
    assert up.settings_of(file) == {"SHOP_NAME": "Tea & Cups = Co", "LOCALE": "de"}
