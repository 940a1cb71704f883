"""The `regulars` command: what goes wrong is one sentence and an exit code."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import deployment
from cli.main import app


def test_a_file_without_the_needed_columns_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("order_id,email\n")
    done = CliRunner().invoke(app, ["import", str(path)])
    assert done.exit_code == 2
    assert done.stderr == (
        "regulars: shop.csv lacks the columns: ordered_at, total, currency. It has: order_id, email.\n"
    )


def test_a_key_for_a_scope_that_does_not_exist_is_refused() -> None:
    done = CliRunner().invoke(app, ["keys", "create", "--name", "shop", "--scope", "everything"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("regulars: There is no scope everything; there are customers:read, ")


def test_without_a_local_crm_a_command_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(deployment.Unreachable, match=r"^The local CRM is not running; `make up` starts it\.$"):
        deployment.connect("local", tmp_path)


def test_a_damaged_description_of_the_local_crm_is_told(tmp_path: Path) -> None:
    (tmp_path / "local.json").write_text("{")
    with pytest.raises(deployment.Unreachable, match=r"local\.json is damaged"):
        deployment.connect("local", tmp_path)


def test_commands_other_than_up_down_and_demo_do_not_wait_for_cdk() -> None:
    code = "import sys, cli.main; print(sorted({'aws_cdk', 'jsii', 'infra', 'moto'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
