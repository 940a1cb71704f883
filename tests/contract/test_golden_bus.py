"""What is put on the event bus of each type of fact is what it was before."""

from typing import Any

from tests.contract import golden
from tests.contract.kinds import FACTS, Kind
from tests.contract.recording import Stage
from tests.contract.scenes import SCENES


def fullest(kind: Kind) -> dict[str, Any]:
    """The golden fact of this type that has the most members; of several, the first."""
    items: list[dict[str, Any]] = [item for scene in SCENES for item in golden.read(scene)["customers"]]
    return max((item for item in items if kind.matches(item)), key=len)


def test_a_fact_of_each_type_is_put_on_the_bus_as_before(stage: Stage) -> None:
    records = []
    for number, kind in enumerate(FACTS):
        fact = fullest(kind)
        change = {
            "Keys": {name: fact[name] for name in ("pk", "sk")},
            "NewImage": fact,
            "SequenceNumber": str(number),
            "ApproximateCreationDateTime": 1795292040,
        }
        records.append({"eventName": "INSERT", "dynamodb": change})
    assert stage.call("publish_changes", "a fact of each type", {"Records": records}) == {"batchItemFailures": []}
    entries = [entry for call in stage.wire.calls if call.operation == "PutEvents" for entry in call.body["Entries"]]
    assert [entry["DetailType"] for entry in entries] == [kind.name for kind in FACTS]
    golden.check("bus", entries)


def test_what_is_no_new_fact_is_not_put_on_the_bus(stage: Stage) -> None:
    assert stage.call("publish_changes/stream", "facts and profiles") == {"batchItemFailures": []}
    (call,) = (call for call in stage.wire.calls if call.operation == "PutEvents")
    assert [entry["DetailType"] for entry in call.body["Entries"]] == ["PurchaseRecorded", "PurchaseRecorded"]
