"""Tokens over the stored secret: keys of ids that stay, keys that sign and change, processes that notice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from typer.testing import CliRunner

from cli import keys
from cli.main import app
from shared.core import clock, secret
from shared.core.digests import digest
from shared.core.secret import Secret
from shared.edge import signing_keys, tokens
from shared.edge.tokens import BadLinkError, Purpose
from tests.frozen_clock import FrozenClock
from tests.functional.aws import client
from tests.functional.calls import CALLS, Killed

CLAIMS = {"customer": "cus_a"}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A process that has not read the secret."""
    secret.forget()
    yield
    secret.forget()


def read(token: str) -> dict[str, str]:
    return dict(tokens.read(Purpose.UNSUBSCRIBE, token, clock.now()).claims)


def stored() -> str:
    return str(client("secretsmanager").get_secret_value(SecretId="signing-key")["SecretString"])


@contextmanager
def at_secret(happen: Callable[[str], None]) -> Iterator[None]:
    """Have something happen before each call to Secrets Manager, which is told by its name."""

    def before(event_name: str, _request: Any) -> AWSResponse | None:
        _, service, operation = event_name.split(".")
        if service == "secrets-manager":
            happen(operation)
        return None

    CALLS.interceptors.append(before)
    try:
        yield
    finally:
        CALLS.interceptors.remove(before)


def rotate_elsewhere(**options: Any) -> None:
    """A rotation of which this process knows nothing."""
    known = dict(secret._KNOWN)
    signing_keys.rotate(clock.now(), **options)
    secret._KNOWN.update(known)


def test_ids_are_the_same_after_a_rotation_and_as_they_always_were() -> None:
    before = digest("customer:0:ada@example.com", 15)
    assert before == "XZCTTCEIYWH2RU5YS24OF5SO"
    signing_keys.rotate(clock.now())
    assert digest("customer:0:ada@example.com", 15) == before


def test_links_of_before_a_rotation_stay_valid_and_new_ones_name_the_new_key(clock: FrozenClock) -> None:
    before = tokens.sign(Purpose.UNSUBSCRIBE, CLAIMS)
    signing_keys.rotate(clock.now())
    # Nobody refuses a link because they have not heard of its key yet.
    assert tokens.sign(Purpose.UNSUBSCRIBE, CLAIMS) == before
    clock.advance(minutes=2)
    after = tokens.sign(Purpose.UNSUBSCRIBE, CLAIMS)
    assert (before.partition(".")[0], after.partition(".")[0]) == ("0", "1")
    assert read(before) == read(after) == CLAIMS


def test_a_token_is_valid_with_its_own_key_alone() -> None:
    before = tokens.sign(Purpose.UNSUBSCRIBE, CLAIMS).partition(".")[2]
    signing_keys.rotate(clock.now())
    for key_id in ("1", "2", "", "-1", "x", "²", "0.0", "9" * 5000):
        with pytest.raises(BadLinkError):
            read(f"{key_id}.{before}")


def test_a_warm_process_notices_a_new_key_asking_at_most_once_a_minute(clock: FrozenClock) -> None:
    tokens.sign(Purpose.UNSUBSCRIBE, CLAIMS)
    warm = dict(secret._KNOWN)
    signing_keys.rotate(clock.now())
    clock.advance(minutes=2)
    token = tokens.sign(Purpose.UNSUBSCRIBE, CLAIMS)
    assert token.startswith("1.")
    secret._KNOWN.update(warm)
    assert read(token) == CLAIMS
    with at_secret(lambda operation: pytest.fail(f"{operation} again")):
        for _ in range(3):
            with pytest.raises(BadLinkError):
                read("7" + token[1:])


def test_a_warm_process_refuses_a_revoked_key_within_the_hour(clock: FrozenClock) -> None:
    token = tokens.sign(Purpose.UNSUBSCRIBE, CLAIMS)
    rotate_elsewhere(revoke_before=clock.now() + timedelta(days=400))
    assert read(token) == CLAIMS
    clock.advance(hours=1)
    with pytest.raises(BadLinkError):
        read(token)
    assert tokens.sign(Purpose.UNSUBSCRIBE, CLAIMS).startswith("1.")


def test_a_rotation_whose_answer_was_lost_adds_no_second_key(clock: FrozenClock) -> None:
    signing_keys.rotate(clock.now())
    clock.advance(minutes=2)
    assert [key.id for key in signing_keys.rotate(clock.now()).signing_keys] == ["1", "0"]
    clock.advance(days=300)
    assert [key.id for key in signing_keys.rotate(clock.now()).signing_keys] == ["2", "1", "0"]


def test_of_two_rotations_at_once_the_second_keeps_what_the_first_wrote() -> None:
    others: list[Secret] = []

    def another_is_faster(operation: str) -> None:
        if operation == "PutSecretValue" and not others:
            others.append(secret.parse("", clock.now()))
            others.append(signing_keys.rotate(clock.now()))

    with at_secret(another_is_faster):
        after = signing_keys.rotate(clock.now())
    assert others[1] == after == secret.parse(stored(), clock.now())
    assert [key.id for key in after.signing_keys] == ["1", "0"]


def test_killed_before_or_after_its_write_a_rotation_is_complete_when_run_again(clock: FrozenClock) -> None:
    for changes, ids in ((0, ["0"]), (1, ["1", "0"])):
        CALLS.kill_after(changes)
        with pytest.raises(Killed):
            signing_keys.rotate(clock.now())
        CALLS.let_live()
        assert [key.id for key in secret.parse(stored(), clock.now()).signing_keys] == ids
    clock.advance(minutes=1)
    assert signing_keys.rotate(clock.now()) == secret.parse(stored(), clock.now())
    assert [key.id for key in secret.read().signing_keys] == ["1", "0"]


def test_the_command_rotates_and_says_which_key_signs(monkeypatch: pytest.MonkeyPatch, clock: FrozenClock) -> None:
    monkeypatch.setattr(keys, "connect", lambda _: None)
    run = CliRunner().invoke(app, ["keys", "rotate-signing"])
    assert (run.exit_code, run.stdout) == (0, "Key 1 signs links from now on; 1 older still open them.\n")
    clock.advance(days=1)
    run = CliRunner().invoke(app, ["keys", "rotate-signing", "--revoke-older-than", "2027-01-01"])
    assert (run.exit_code, run.stdout) == (0, "Key 2 signs links from now on; 0 older still open them.\n")
    assert CliRunner().invoke(app, ["keys", "rotate-signing", "--revoke-older-than", "soon"]).exit_code == 2
