"""Fitting the models of a rescoring, once a week."""

import json
from datetime import date
from itertools import chain
from typing import Final

from shared.core.dynamodb import apply
from shared.forecasting import FORMAT, forecast, histories
from shared.scoring.plan import DRAWN_OF, Fit, Plan
from shared.scoring.store import forecasters, parts
from shared.scoring.store.forecasters import StoredForecaster

_EPOCH: Final = date(1970, 1, 1)


def fit(plan: Plan) -> int:
    """Fit the models to the customers that were drawn; how many these are. No shop's data make it fail."""
    read = parts.read_all(parts.drawn, plan.rescoring_id, plan.total_segments)
    drawn = histories.concatenate([each for each in chain.from_iterable(read) if each is not None])
    fitted = forecast.fit(drawn, (plan.as_of - _EPOCH).days)
    content = json.dumps(fitted.to_data(), separators=(",", ":"))
    parts.save_forecaster(plan.rescoring_id, content)
    # Of those drawn all are known, and they are so many in DRAWN_OF.
    last = Fit(fitted_on=plan.as_of, customers=plan.customers, buyers=len(drawn) * DRAWN_OF // plan.sample)
    apply(forecasters.put(StoredForecaster(fit=last, format=FORMAT, content=content)))
    return len(drawn)
