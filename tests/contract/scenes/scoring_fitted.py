"""A rescoring of seventy customers, enough for models of repeat buying to be fitted and compared."""

import random
from datetime import date, timedelta

from tests.contract.recording import Stage, accept
from tests.contract.scenes.scoring import AS_OF, put_card, rescore


def play(stage: Stage) -> None:
    """Customers who buy now and then since January 2025."""
    machine = stage.machine("rescoring", "RESCORING_STATE_MACHINE_ARN")
    dice = random.Random(11)
    for number in range(70):
        # Some buy every other week and some twice a year, some for long and some once.
        mean_gap, last = dice.choice((14, 30, 60, 180)), dice.choice((0.02, 0.1, 0.6))
        day = date(2025, 1, 1) + timedelta(days=dice.randint(0, 400))
        orders = [(day, dice.randint(100, 9_000))]
        while dice.random() > last and (day := day + timedelta(days=1 + round(dice.expovariate(1 / mean_gap)))) < AS_OF:
            orders.append((day, dice.randint(100, 9_000)))
        put_card(f"K-{number:02d}", orders)
    stage.clock.set("2026-11-21T01:00:00Z")
    rescore(stage, machine, "run-1", segments=1)
    accept(stage.call("report_scores/forecast", "by fitted models"), 200)
