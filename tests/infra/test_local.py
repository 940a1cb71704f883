"""The local AWS comes and goes without taking anything for its own that is not."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra import ROOT, local, wirings
from infra.local import LocalFailure, deployment, server
from shared.core.settings import Settings
from tests.infra import tree
from tests.local_aws import free_port, served

# A fixture counts for the tests of the module that knows it by name.
__all__ = ["served"]


def _says_nothing(_: str) -> None:
    pass


def test_a_port_in_use_by_another_program_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LocalFailure, match=f"port {port} is in use by another program"):
            local.up(_says_nothing, port=port, state=tmp_path)


def test_a_setting_that_is_wrong_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match="currency 'EURO'"):
        local.up(_says_nothing, port=free_port(), state=tmp_path, settings={"CURRENCY": "EURO"})


def test_a_change_of_anything_that_is_deployed_deploys_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.copy_to(tmp_path)
    shutil.copy(ROOT / "package-lock.json", tmp_path)
    monkeypatch.setattr(deployment, "ROOT", tmp_path)
    before = deployment.fingerprint(Settings())
    assert deployment.fingerprint(Settings()) == before
    layers = [f"requirements/{name}.txt" for name in wirings.requirements()]
    assert layers == ["requirements/layer.txt", "requirements/numeric.txt"]
    for name in (*layers, "functions/loyalty/wiring.py", "shared/loyalty/points.py", "infra/app.py"):
        with (tmp_path / name).open("a") as file:
            file.write("\n")
        after = deployment.fingerprint(Settings())
        assert after != before, name
        before = after


def test_down_where_nothing_runs_is_harmless(tmp_path: Path) -> None:
    local.down(_says_nothing, state=tmp_path)
    local.down(_says_nothing, state=tmp_path / "never made")
    assert local.running(state=tmp_path) is None


def test_down_leaves_no_process(served: tuple[Path, int]) -> None:
    state, port = served
    process = int((state / "pid").read_text())
    assert server.running_port(state) == port
    local.down(_says_nothing, state=state)
    # The proxy was MiniStack's child, which the system takes from its group in its own time.
    for _ in range(100):
        try:
            os.killpg(process, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("a process of the group lives on")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def _client(service: str, port: int) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=server.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}),
    )


def _put_data(port: int) -> None:
    _client("dynamodb", port).create_table(
        TableName="cups",
        AttributeDefinitions=[{"AttributeName": "sku", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "sku", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    _client("dynamodb", port).put_item(TableName="cups", Item={"sku": {"S": "blue"}})
    _client("s3", port).create_bucket(Bucket="cups", CreateBucketConfiguration={"LocationConstraint": server.REGION})
    _client("s3", port).put_object(Bucket="cups", Key="scores/2026-11-24.csv", Body=b"a,b\n")


def _skus(port: int) -> list[str]:
    return [item["sku"]["S"] for item in _client("dynamodb", port).scan(TableName="cups")["Items"]]


def test_down_keeps_tables_and_objects_and_a_crash_those_of_the_last_down(served: tuple[Path, int]) -> None:
    state, port = served
    _put_data(port)
    said: list[str] = []
    local.down(said.append, state=state)
    assert (local.has_data(state=state), server.ended_orderly(state)) == (True, True)
    assert said[-1].startswith("The local AWS has ended; `make up` goes on with its data")
    server.start(state, port)
    assert _skus(port) == ["blue"]
    assert _client("s3", port).get_object(Bucket="cups", Key="scores/2026-11-24.csv")["Body"].read() == b"a,b\n"
    _client("dynamodb", port).put_item(TableName="cups", Item={"sku": {"S": "red"}})
    server.stop(state)
    assert not server.ended_orderly(state)
    server.start(state, port)
    assert _skus(port) == ["blue"]


def test_down_with_forget_leaves_nothing(served: tuple[Path, int]) -> None:
    state, port = served
    _put_data(port)
    local.down(_says_nothing, state=state)
    server.start(state, port)
    local.down(_says_nothing, state=state, forget=True)
    assert not local.has_data(state=state)
    server.start(state, port)
    assert _client("dynamodb", port).list_tables()["TableNames"] == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("port", "data/dynamodb.json"), "what came since its last orderly end is gone"),
        (("port",), "all that it held is gone"),
    ],
)
def test_after_a_crash_up_says_what_is_gone(tmp_path: Path, files: tuple[str, ...], words: str) -> None:
    (tmp_path / "data").mkdir()
    for name in (*files, "deployed"):
        (tmp_path / name).write_text("1")
    said: list[str] = []
    with pytest.raises(LocalFailure, match="currency"):
        local.up(said.append, state=tmp_path, settings={"CURRENCY": "EURO"})
    assert words in said[0]
    assert not (tmp_path / "deployed").exists()


def test_data_that_are_kept_for_another_port_are_not_served_on_this(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, text in (("port", "4599"), ("data/dynamodb.json", "{}"), ("data/ended", "")):
        (tmp_path / name).write_text(text)
    with pytest.raises(LocalFailure, match="kept for port 4599"):
        local.up(_says_nothing, port=4600, state=tmp_path)


def test_messages_that_wait_are_waited_for_within_bounds(
    served: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, port = served
    monkeypatch.setattr(deployment, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(deployment, "UNCHANGED_SECONDS", 0.5)
    endpoint = f"http://127.0.0.1:{port}"
    sqs = _client("sqs", port)
    url = sqs.create_queue(QueueName="cups")["QueueUrl"]
    assert deployment.run_dry(endpoint)
    sqs.send_message(QueueUrl=url, MessageBody="blue")
    assert not deployment.run_dry(endpoint)
    sqs.purge_queue(QueueUrl=url)
    assert deployment.run_dry(endpoint)


def test_a_process_that_only_inherited_the_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as other:
        for name, text in (("pid", str(other.pid)), ("port", "4566"), ("lock", "")):
            (tmp_path / name).write_text(text)
        local.down(_says_nothing, state=tmp_path)
        assert other.poll() is None
        other.communicate(b"\n")
        assert other.returncode == 0


def test_one_that_was_killed_counts_as_gone(served: tuple[Path, int]) -> None:
    state, _ = served
    process = int((state / "pid").read_text())
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    assert server.running_port(state) is None


def test_functions_see_nothing_of_the_callers_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-real-account")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-real-key")
    environment = server.environment(tmp_path, 4566, tmp_path / "data", "http://127.0.0.1:4567")
    assert "AWS_PROFILE" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert "AWS_PROFILE" not in deployment.caller_environment()


def test_a_failed_resource_is_the_reason_given() -> None:
    log = """Regulars-local-Data |  1 | 8:46:45 PM | CREATE_IN_PROGRESS | AWS::SNS::Topic | Alarms
    Regulars-local-Data |  3 | 8:46:45 PM | CREATE_FAILED | AWS::DynamoDB::Table | Customers (C1) the reason
    ❌  Regulars-local-Data failed to deploy
    """
    assert deployment.reason(log) == "Customers (C1) the reason"


def test_a_local_crm_with_incomplete_files_is_reported_or_ended(served: tuple[Path, int]) -> None:
    state, port = served
    process = int((state / "pid").read_text())
    (state / "pid").unlink()
    with pytest.raises(LocalFailure, match="its pid is not known"):
        local.down(_says_nothing, state=state)
    (state / "port").unlink()
    with pytest.raises(LocalFailure, match="its port is not known"):
        local.up(_says_nothing, state=state)
    (state / "pid").write_text(str(process))
    (state / "port").write_text(str(port))
    local.down(_says_nothing, state=state)
    assert local.running(state=state) is None


def test_a_local_crm_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "port").write_text(str(port))
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LocalFailure, match=f"runs on port {port}, but does not answer"):
            local.up(_says_nothing, state=tmp_path)


def test_a_start_that_waits_for_another_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    with (tmp_path / "busy").open("w") as lock, ThreadPoolExecutor(1) as second:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = second.submit(local.down, said.append, state=tmp_path)
        while not said:
            assert not waiting.done()
            time.sleep(0.01)
        fcntl.flock(lock, fcntl.LOCK_UN)
        waiting.result()
    assert said == ["Another `up` or `down` is at work here; waiting for it …"]


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setattr(deployment, "NODE", tmp_path / "node")
    monkeypatch.setattr(deployment, "RUN_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(LocalFailure, match=r"bootstrap did not end within .*bootstrap\.log"):
        deployment.bootstrap(tmp_path, "http://127.0.0.1:1")
