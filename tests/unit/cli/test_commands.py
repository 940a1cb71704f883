"""The `regulars` command: what goes wrong is one sentence and an exit code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import change_guard, deployment
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


def test_make_deploy_hands_on_every_setting_of_the_stages_file() -> None:
    makefile = (Path(__file__).parents[3] / "Makefile").read_text()
    (exported,) = re.findall(r"^export (SENDER .*)$", makefile, re.MULTILINE)
    assert {*exported.split(), "STAGE"} == Settings().to_environment().keys()
