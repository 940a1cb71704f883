"""The queues of a deployment by their wirings, each with the queue of what failed for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from infra import wirings
from shared.edge.wiring import MISSED_SCHEDULES, Hears, Queue, Stream


@dataclass(frozen=True, slots=True)
class QueuePair:
    """A queue and what follows it; `name` is without the stage.

    `function`: what takes its messages. `has_queue`: whether a queue lies before the failed messages, to which they
    can go back. `facts`: the types of facts that come to it.
    """

    name: str
    function: str = ""
    has_queue: bool = True
    facts: tuple[str, ...] = ()

    def queue(self, stage: str) -> str:
        """The name on AWS of the queue."""
        return f"regulars-{stage}-{self.name}"

    def failed(self, stage: str) -> str:
        """The name on AWS of the queue of what failed for good."""
        return f"{self.queue(stage)}-failed"


@cache
def pairs() -> Mapping[str, QueuePair]:
    """All of them by name."""
    known = [QueuePair(MISSED_SCHEDULES, has_queue=False)]
    for function in wirings.functions().values():
        for trigger in function.triggers:
            if isinstance(trigger, Queue):
                facts = trigger.facts if isinstance(trigger, Hears) else ()
                known.append(QueuePair(function.queue_name(trigger), function.name, facts=facts))
            elif isinstance(trigger, Stream):
                known.append(QueuePair(function.name.replace("_", "-"), function.name, has_queue=False))
    return {pair.name: pair for pair in sorted(known, key=lambda pair: pair.name)}


def consumers() -> Mapping[str, QueuePair]:
    """What hears facts, by its function's name with hyphens, as `post-points`; of two queues the one of more types."""
    hearing = sorted((pair for pair in pairs().values() if pair.facts), key=lambda pair: len(pair.facts))
    return {pair.function.replace("_", "-"): pair for pair in hearing}
