"""The deployment's secret: as CloudFormation generates it, as a rotation leaves it, and what a rotation changes."""

from datetime import UTC, datetime, timedelta

from shared.core import secret

DEPLOYED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
GENERATED = "k" * 64


def test_a_generated_secret_is_the_key_of_ids_and_signs_by_a_key_derived_from_it() -> None:
    fresh = secret.parse(GENERATED, DEPLOYED)
    assert fresh.id_key == GENERATED
    (key,) = fresh.signing_keys
    assert (key.id, key.created_at) == ("0", DEPLOYED)
    assert key.key != GENERATED
    assert secret.parse(GENERATED, NOW).signing_keys[0].key == key.key


def test_a_rotation_puts_a_key_in_front_and_keeps_the_others_and_the_key_of_ids() -> None:
    fresh = secret.parse(GENERATED, DEPLOYED)
    once = secret.rotated(fresh, "new", NOW, None)
    twice = secret.rotated(once, "newer", NOW + timedelta(days=300), None)
    assert [key.id for key in twice.signing_keys] == ["2", "1", "0"]
    assert twice.signing_keys[1:] == once.signing_keys
    assert once.signing_keys[1:] == fresh.signing_keys
    assert twice.id_key == GENERATED
    assert secret.parse(secret.to_text(twice), NOW) == twice


def test_a_rotation_just_after_the_last_adds_no_key() -> None:
    once = secret.rotated(secret.parse(GENERATED, DEPLOYED), "new", NOW, None)
    assert secret.rotated(once, "newer", NOW + timedelta(minutes=9), None) == once
    assert secret.rotated(once, "newer", NOW + timedelta(minutes=10), None) != once


def test_a_deployment_of_this_minute_gets_a_key_of_its_own_at_its_first_rotation() -> None:
    once = secret.rotated(secret.parse(GENERATED, NOW), "new", NOW, None)
    assert [key.id for key in once.signing_keys] == ["1", "0"]


def test_revoking_ends_the_keys_from_before_a_day_but_never_the_newest() -> None:
    once = secret.rotated(secret.parse(GENERATED, DEPLOYED), "new", NOW - timedelta(days=30), None)
    assert [k.id for k in secret.rotated(once, "newer", NOW, NOW - timedelta(days=60)).signing_keys] == ["2", "1"]
    left = secret.rotated(once, "newer", NOW, NOW + timedelta(days=1))
    assert [k.id for k in left.signing_keys] == ["2"]
    assert [k.id for k in secret.rotated(left, "newest", NOW + timedelta(days=1), None).signing_keys] == ["3", "2"]
