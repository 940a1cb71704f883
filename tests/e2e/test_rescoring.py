"""A rescoring over the deployed state machine: every customer's score is what all of them together give her."""

import random
from datetime import date

import pytest

from shared.domain import rescoring
from shared.domain.rescoring import Row
from shared.domain.scorecard import rfm
from shared.store import rescorings, scorecards
from tests.e2e.conftest import Crm, eventually

AS_OF = date(1998, 7, 1)


@pytest.mark.usefixtures("store")
def test_a_rescoring_scores_everybody_and_reports_it(crm: Crm) -> None:
    assert crm.call("GET", "/reports/segments", key=None).status_code == 401
    dice = random.Random(11)
    for number in range(40):
        body = {
            "order_id": f"scored-{number}",
            "customer": {"customer_id": f"S{number // 2}"},
            "ordered_at": f"1998-{dice.randint(1, 6):02d}-{dice.randint(1, 28):02d}",
            "currency": "EUR",
            "total": dice.randint(100, 9_999),
        }
        crm.call("POST", "/purchases", json=body).raise_for_status()
    started = crm.call("POST", "/rescorings", json={"as_of": AS_OF.isoformat()})
    assert started.status_code == 202
    rescoring_id = started.json()["rescoring_id"]

    def reported() -> dict[str, object] | None:
        answer = crm.call("GET", "/reports/segments")
        return answer.json() if answer.status_code == 200 and answer.json()["rescoring_id"] == rescoring_id else None

    report = eventually(reported, seconds=120)
    rows = list(rescorings.scan(0, 1, AS_OF))
    thresholds = rescoring.thresholds(rescoring.count(rows))
    assert report["customers"] == len(rows) >= 20
    for row in rows:
        assert row.before == rescoring.score(row.rfm, thresholds, AS_OF), row.customer_id
    card = scorecards.find("S3")
    assert card is not None
    assert Row("S3", rfm(card, AS_OF), card.score) in rows
    assert [fact["type"] for fact in crm.facts("S3")].count("SegmentChanged") == 1


def test_the_contract_is_served_to_everybody(crm: Crm) -> None:
    contract = crm.call("GET", "/openapi.json", key=None).json()
    assert set(contract["paths"]["/customers/{customer_id}"]) == {"get"}
