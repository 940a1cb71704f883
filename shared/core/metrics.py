"""Metrics of our own: a line on standard output, of which CloudWatch makes a metric (embedded metric format)."""

import json
import sys
import time
from typing import Final

from shared.core import environment

NAMESPACE: Final = "Regulars"


def count(name: str) -> None:
    """Count an event once, as metric `name` of this stage; it costs a line of the function's log."""
    stage = environment.settings().stage
    definition = {"Namespace": NAMESPACE, "Dimensions": [["stage"]], "Metrics": [{"Name": name, "Unit": "Count"}]}
    metadata = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]}
    # In one piece, so that lines of other threads do not come between.
    sys.stdout.write(json.dumps({"_aws": metadata, "stage": stage, name: 1}) + "\n")
