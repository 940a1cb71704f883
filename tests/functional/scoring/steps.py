"""A rescoring as its state machine takes it, step by step."""

import json
from collections.abc import Mapping
from typing import Any

from tests.functional.scenes import Invoke, execution_arn


def plan_rescoring(
    invoke: Invoke,
    rescoring_id: str = "run-1",
    started_at: str = "2026-11-21T01:00:00Z",
    as_of: str | None = None,
    segments: int | None = None,
) -> dict[str, Any]:
    """What the first step hands on to the others; `segments` stands in for the plan's own number."""
    event = {"run_id": rescoring_id, "execution_arn": execution_arn(rescoring_id)}
    plan = invoke("plan_rescoring", {**event, "started_at": started_at, "input": {"as_of": as_of}})
    assert not plan["wait"]
    total = segments or len(plan["segments"])
    given: dict[str, Any] = json.loads(json.dumps(plan["run"] | {"total_segments": total}))
    return given


def rescoring_steps(given: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The steps that follow a plan, each with its input."""
    run = {"run": dict(given)}
    each = [{**run, "segment": segment} for segment in range(given["total_segments"])]
    return [
        *(("scan_scorecards", event) for event in each),
        ("rank_scorecards", run),
        *([("fit_forecaster", run)] if given["fits"] else []),
        *(("write_scores", event) for event in each),
        ("report_rescoring", run),
    ]
