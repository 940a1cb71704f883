"""A stage whose tables were restored: everything uses them, and CloudFormation has nothing to refuse."""

import json
from dataclasses import replace

import pytest

from infra.app import build_app
from tests.infra.conftest import Assembly
from tests.infra.test_release import RELEASE, deployed

CUSTOMERS = "regulars-prod-customers-20261120T030000Z"
SCORECARDS = "regulars-prod-scorecards-20261120T030000Z"
STREAM = f"arn:aws:dynamodb:eu-central-1:123456789012:table/{CUSTOMERS}/stream/2026-11-20T05:12:00.123"
DATA = "Regulars-prod-Data"


@pytest.fixture(scope="module")
def restored(production: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The stage `production` after both of its tables were restored."""
    settings = replace(
        production.settings,
        restored_customers_table=CUSTOMERS,
        restored_customers_stream=STREAM,
        restored_scorecards_table=SCORECARDS,
    )
    path = tmp_path_factory.mktemp("restored")
    build_app(settings, outdir=str(path), is_deployable=False).synth()
    return Assembly(path, settings)


def test_nothing_but_the_stack_of_the_data_knows_the_own_tables(production: Assembly, restored: Assembly) -> None:
    def who_knows(assembly: Assembly) -> set[str]:
        own = [name for name, _ in assembly.resources("AWS::DynamoDB::Table")]
        assert len(own) == 2
        paths = assembly.path.glob("*.template.json")
        return {path.name.partition(".")[0] for path in paths if any(name in path.read_text() for name in own)}

    assert len(who_knows(production)) > 5
    assert who_knows(restored) == {DATA}


def test_functions_work_with_the_restored_tables_and_may(production: Assembly, restored: Assembly) -> None:
    for name, function in production.functions().items():
        before, now = (f["Environment"]["Variables"] for f in (function, restored.functions()[name]))
        for variable, table in (("CUSTOMERS_TABLE", CUSTOMERS), ("SCORECARDS_TABLE", SCORECARDS)):
            assert now.get(variable) == (table if variable in before else None)

    def statements(assembly: Assembly) -> list[str]:
        policies = (policy["Properties"] for _, policy in assembly.resources("AWS::IAM::Policy"))
        texts = [json.dumps(each) for policy in policies for each in policy["PolicyDocument"]["Statement"]]
        return [text for text in texts if '"dynamodb:' in text and "ListStreams" not in text]

    assert len(statements(restored)) == len(statements(production))
    assert all(CUSTOMERS in text or SCORECARDS in text for text in statements(restored))
    assert sum("LeadingKeys" in text for text in statements(restored)) == sum(
        "LeadingKeys" in text for text in statements(production)
    )


def test_facts_are_published_from_the_restored_tables_stream(production: Assembly, restored: Assembly) -> None:
    def stream(assembly: Assembly) -> tuple[str, dict[str, object]]:
        ((name, mapping),) = (
            (name, mapping["Properties"])
            for name, mapping in assembly.resources("AWS::Lambda::EventSourceMapping")
            if "StartingPosition" in mapping["Properties"]
        )
        return name, {**mapping}

    (before, own), (now, mapping) = stream(production), stream(restored)
    assert mapping.pop("EventSourceArn") == STREAM
    assert own.pop("EventSourceArn") != STREAM
    assert mapping == own
    # A new resource, which CloudFormation makes before it takes the old one away.
    assert now != before


def test_the_stack_of_the_data_stays_as_it_is_but_for_what_it_tells_people(
    production: Assembly, restored: Assembly
) -> None:
    before, now = (json.loads(json.dumps(assembly.template("Data"))) for assembly in (production, restored))
    assert now["Outputs"].pop("CustomersTable") == {"Value": CUSTOMERS}
    assert now["Outputs"].pop("ScorecardsTable") == {"Value": SCORECARDS}
    del before["Outputs"]["CustomersTable"], before["Outputs"]["ScorecardsTable"]
    # Exports with their values among it: CloudFormation refuses to change one that another stack imports.
    assert now == before


def test_restored_tables_take_nothing_of_the_last_release_back(restored: Assembly) -> None:
    last, now = json.loads(RELEASE.read_text()), deployed(restored)
    assert set(last["exports"]) <= set(now["exports"])
    assert last["kept"].items() <= now["kept"].items()


def test_cdk_nag_has_nothing_to_say_of_restored_tables(restored: Assembly) -> None:
    report = json.loads((restored.path / "validation-report.json").read_text())
    assert [plugin for plugin in report["pluginReports"] if plugin.get("violations")] == []
