"""Facts as others read them: the published schemas, the documents made from them, and how versions grow."""

import json
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import pytest
from jsonschema import Draft7Validator

from infra import ROOT, event_docs
from infra.event_docs import DOCS, SCHEMAS, Changed, check_published, fact_types, schema_of
from shared.core.dynamodb import unpack
from shared.core.facts import FactType, Member
from tests.contract import golden
from tests.contract.scenes import SCENES
from tests.functional.fact_schemas import check_fact

NAMES = sorted(fact_types())


def test_what_is_committed_is_what_make_docs_writes() -> None:
    for path, text in event_docs.documents().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)} is out of date: make docs"


def test_every_published_schema_still_has_its_type() -> None:
    published = {tuple(path.stem.rsplit(".v", 1)) for path in SCHEMAS.glob("*.json")}
    assert {name for name, _ in published} == set(NAMES)
    assert all(int(version) <= fact_types()[name].version for name, version in published)


@pytest.mark.parametrize("name", NAMES)
def test_a_published_schema_has_not_changed(name: str) -> None:
    check_published(fact_types()[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_and_its_example_fits_it(name: str) -> None:
    schema = schema_of(fact_types()[name])
    Draft7Validator.check_schema(schema)
    check_fact(schema["examples"][0])


def test_the_names_of_types_are_unique() -> None:
    names = [type_.name for types in event_docs.capabilities().values() for type_ in types]
    assert sorted(names) == NAMES


def test_every_type_that_a_function_hears_exists() -> None:
    assert set(event_docs.consumers()) <= set(NAMES)


def test_the_events_of_the_event_files_fit_their_schemas() -> None:
    checked = set()
    for path in sorted((ROOT / "events").rglob("*.json")):
        content = json.loads(path.read_text())
        for record in content.get("Records", []):
            event = json.loads(record["body"]) if str(record.get("body", "")).startswith("{") else {}
            if "detail-type" in event:
                check_fact(event["detail"])
                checked.add(event["detail-type"])
    assert checked >= {"PurchaseRecorded", "SurveyInvited", "PointsExpiring", "CaseOpened"}


def test_every_golden_fact_fits_its_schema() -> None:
    types = set()
    for scene in SCENES:
        for packed in golden.read(scene)["customers"]:
            item = unpack(packed)
            if item["sk"].startswith("FACT#"):
                check_fact({name: value for name, value in item.items() if name not in ("pk", "sk")})
                types.add(item["type"])
    assert types == set(NAMES)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads((DOCS / "asyncapi.json").read_text())
    seen = []

    def follow(part: Any) -> None:
        if isinstance(part, dict) and "$ref" in part:
            seen.append(part["$ref"])
            file, _, inside = part["$ref"].partition("#")
            if file:
                assert (DOCS / file).exists()
                return
            target = document
            for name in inside.strip("/").split("/"):
                target = target[name]
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            follow(inner)

    follow(document)
    assert len(seen) > 2 * len(NAMES)


class _First(TypedDict):
    points: Annotated[int, Member("points", 1)]


class _Second(_First):
    reason: NotRequired[Annotated[str, Member("why", "late")]]


class _Other(TypedDict):
    points: Annotated[str, Member("points", "1")]


class _Optional(TypedDict):
    points: NotRequired[Annotated[int, Member("points", 1)]]


def _type(data: type, version: int) -> FactType:
    return FactType(name="Toy", summary="A toy.", id=Member("the toy", "1"), data=data, version=version)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder in which the first version of a type is published."""
    (tmp_path / "Toy.v1.json").write_text(json.dumps(schema_of(_type(_First, 1))))
    return tmp_path


def test_a_later_version_may_add_members(published: Path) -> None:
    check_published(_type(_Second, 2), published)


@pytest.mark.parametrize(("data", "version"), [(_Second, 1), (_Other, 1), (_Other, 2), (_Optional, 2)])
def test_a_published_version_does_not_change_and_a_later_one_only_adds(
    data: type, version: int, published: Path
) -> None:
    with pytest.raises(Changed):
        check_published(_type(data, version), published)


def test_words_of_a_published_schema_may_be_said_better(published: Path) -> None:
    better = FactType(name="Toy", summary="A better toy.", id=Member("its id", "2"), data=_First)
    check_published(better, published)
