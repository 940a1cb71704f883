"""Functional tests on another DynamoDB than moto's."""

import os
import subprocess
import sys
from pathlib import Path

import boto3

from infra import ROOT
from tests.functional import second_engine
from tests.local_aws import served

# A fixture counts for the tests of the module that knows it by name.
__all__ = ["served"]


def test_interruptions_leave_no_trace_in_the_local_aws_in_place_of_moto(served: tuple[Path, int]) -> None:
    _, port = served
    url = f"http://127.0.0.1:{port}"
    files = [f"tests/functional/{name}/test_interruptions.py" for name in ("loyalty", "purchases", "scoring")]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *files],
        cwd=ROOT, env={**inherited, "REGULARS_DYNAMODB": url}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    # They were not asked of moto after all: the tables of the last test are there.
    engine = boto3.client(
        "dynamodb", "eu-central-1", endpoint_url=url,
        aws_access_key_id=second_engine.ACCOUNT, aws_secret_access_key="any",
    )  # fmt: skip
    assert engine.list_tables()["TableNames"] == ["customers", "scorecards"]
