"""The README works as it stands: its commands in their order, its form, on the local CRM."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from infra import ROOT
from tests.e2e.conftest import Crm

README: Final = (ROOT / "README.md").read_text()
BLOCKS: Final = re.findall(r"(?:<!-- (.*?) -->\n)?^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
NOT_RUN: Final = "not run by the test of this page: "
COMMANDS: Final = [text for reason, language, text in BLOCKS if language == "sh" and not reason]
LEFT_OUT: Final = [text for reason, language, text in BLOCKS if language == "sh" and reason]
# An answer with an error status ends the script, and nothing is shown but answers.
PRELUDE: Final = """set -euo pipefail
curl() { command curl --silent --show-error --fail-with-body --noproxy '*' "$@"; echo >&2; }
"""


class Form(HTMLParser):
    """The names and values of a form's fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action, self.fields = "", dict[str, str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        members = dict(attrs)
        if tag == "form":
            self.action = members.get("action") or ""
        elif tag == "input":
            self.fields[members["name"] or ""] = members.get("value") or ""


@pytest.fixture
def checkout(tmp_path: Path, state: Path) -> Path:
    """A copy of the repository, as far as commands need it, whose local CRM is that of these tests."""
    for name in ("infra", "shared", "functions", "docs", "node_modules", "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    # Copied, for it looks for `.regulars` beside itself.
    shutil.copytree(ROOT / "cli", tmp_path / "cli")
    (tmp_path / ".regulars").mkdir()
    shutil.copy(state / "local.json", tmp_path / ".regulars")
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(ROOT / ".venv" / "bin" / "python")
    (tools / "regulars").write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{ROOT}/.venv/bin/python" -c "from cli.main import app; app()" "$@"\n'
    )
    (tools / "regulars").chmod(0o755)
    return tmp_path


def test_every_block_is_of_a_kind_that_is_tried_or_says_why_not() -> None:
    assert {language for _, language, _ in BLOCKS} <= {"", "sh", "html"}
    assert len(COMMANDS) >= 5
    assert all(reason.startswith(NOT_RUN) for reason, _, _ in BLOCKS if reason)


def test_the_commands_of_the_readme_work_in_their_order(crm: Crm, checkout: Path) -> None:
    script = PRELUDE + "\n".join(COMMANDS)
    result = subprocess.run(
        ["bash", "-c", script], cwd=checkout, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stdout[-2_000:] + result.stderr[-2_000:]
    assert (checkout / "scores.csv").read_text().count("\n") > 50
    view = crm.customer("ada@example.com")
    vouchers = crm.call("GET", f"/customers/{view['customer_id']}/redemptions").json()["redemptions"]
    assert [voucher["reward_id"] for voucher in vouchers] == ["tea-tin"]
    surveys = crm.call("GET", "/nps/surveys").json()["surveys"]
    (survey,) = (survey for survey in surveys if survey["survey_id"] == "tea-shop")
    # Other tests have surveys of their own.
    ended = {"trigger": "PURCHASE", "enabled": False, "version": survey["version"]}
    crm.call("PUT", "/nps/surveys/tea-shop", json=ended).raise_for_status()


@pytest.mark.parametrize("script", LEFT_OUT)
def test_a_block_that_is_not_run_is_at_least_a_script(script: str) -> None:
    subprocess.run(["bash", "-n", "-c", script], check=True)


def test_the_form_of_the_readme_signs_up(crm: Crm) -> None:
    (html,) = [text for _, language, text in BLOCKS if language == "html"]
    form = Form(html)
    assert form.action == "https://YOUR-API/signups"
    fields = {**form.fields, "email": "readme@example.com", "name": "Ada"}
    answer = crm.client.post(f"{crm.stack.api_url}/signups", data=fields)
    assert (answer.status_code, "text/html" in answer.headers["content-type"]) == (202, True)
    assert crm.statuses("readme@example.com") == {"PENDING"}
