"""The reports of a rescoring as plain values, money in minor units."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final

from shared.core.facts import to_timestamp
from shared.core.months import month_of, months_after
from shared.forecasting.bands import CHURN_CUTS
from shared.forecasting.forecast import Forecaster
from shared.scorecards.rfm import PROSPECTS, SEGMENTS
from shared.scoring import demand, lifecycle
from shared.scoring.demand import Demand
from shared.scoring.lifecycle import Cohorts, Stage
from shared.scoring.ranks import MIN_BUYERS
from shared.scoring.rescoring import Sums, Tally

COHORT_MONTHS: Final = 24


def head(rescoring_id: str, as_of: date, started_at: datetime, finished_at: datetime, currency: str) -> dict[str, Any]:
    """The members that every report begins with."""
    return {
        "rescoring_id": rescoring_id,
        "as_of": as_of.isoformat(),
        "started_at": to_timestamp(started_at),
        "finished_at": to_timestamp(finished_at),
        "currency": currency,
    }


def segments(tally: Tally, caveats: Sequence[str]) -> dict[str, Any]:
    """Customers, revenue of 24 months and averages by segment, and the moves between segments, most customers first.

    `caveats` are sentences that say why the scores mean little; there are no averages of scores below MIN_BUYERS.
    """
    customers = sum(sums.customers for sums in tally.segments.values())
    buyers = customers - tally.segments.get(PROSPECTS, Sums()).customers
    return {
        "customers": customers,
        "buyers": buyers,
        "changed": tally.changed,
        "caveats": list(caveats),
        "segments": [
            _segment(name, tally.segments[name], customers, scores=buyers >= MIN_BUYERS)
            for name in SEGMENTS
            if name in tally.segments
        ],
        "moves": [
            {"from": was, "to": now, "customers": moved}
            for (was, now), moved in sorted(tally.moves.items(), key=lambda move: (-move[1], str(move[0])))
        ],
    }


def forecast(forecaster: Forecaster, expected: Demand) -> dict[str, Any]:
    """Expected purchases and revenue of the horizon, customers by band, and how the model did in the shop's own test.

    `existing` are those who have bought; `newcomers` what newcomers of one horizon spend in it, if as many come and
    spend as in the last one. `total` adds both. Low and high hold the truth nine times in ten, as far as one test
    tells; None without a test.
    """
    miss = _miss(forecaster)
    revenue, new = expected.revenue, expected.newcomer_revenue
    return {
        "horizon_days": forecaster.horizon_days,
        "existing": {"purchases": round(expected.purchases, 1), **_range(revenue, expected.variance, miss)},
        "newcomers": {"customers": expected.newcomers, "revenue": new},
        "total": _range(revenue + new, expected.variance, miss),
        "clv_12m": round(expected.clv),
        "churn_bands": [
            {"band": name, "least_chance": least, **_band(expected.churn[name])}
            for name, least in zip(expected.churn, (*CHURN_CUTS, 0.0), strict=True)
        ],
        "value_bands": [{"band": name, **_band(band)} for name, band in expected.value.items()],
        "model": {
            "purchases_by": forecaster.count_model,
            "chance_by": forecaster.chance_model,
            "fitted_as_of_day": date.fromordinal(_EPOCH + forecaster.as_of_day).isoformat(),
            "fitted_on": forecaster.fitted_on,
            "parameters": _parameters(forecaster),
        },
        "test": _test(forecaster),
        "reasons": list(forecaster.reasons),
    }


def lifecycle_stages(stages: Mapping[str, Stage]) -> dict[str, Any]:
    """Customers and revenue of the last 24 calendar months by stage (who is where: `shared/scoring/lifecycle.py`)."""
    customers = sum(stage.customers for stage in stages.values())
    revenue = sum(stage.revenue for stage in stages.values())
    return {
        "customers": customers,
        "revenue": revenue,
        "lapsed_after_days": lifecycle.LAPSED_AFTER_DAYS,
        "stages": [
            {
                "stage": name,
                "customers": stage.customers,
                "share": round(stage.customers / customers, 4) if customers else 0.0,
                "revenue": stage.revenue,
                "revenue_share": round(stage.revenue / revenue, 4) if revenue else 0.0,
            }
            for name, stage in stages.items()
        ],
    }


def cohorts(table: Cohorts, as_of: date) -> dict[str, Any]:
    """The retention table of the last COHORT_MONTHS months, of the shop's newcomers by month of their first order."""
    last = month_of(as_of)
    first = months_after(last, 1 - COHORT_MONTHS)
    return {"from": first, "to": last, "cohorts": lifecycle.retention(table, first, last)}


_EPOCH: Final = date(1970, 1, 1).toordinal()


def _segment(name: str, sums: Sums, customers: int, *, scores: bool) -> dict[str, Any]:
    def mean(total: int) -> float:
        return round(total / sums.customers, 2)

    row: dict[str, Any] = {
        "segment": name,
        "customers": sums.customers,
        "share": round(sums.customers / customers, 4),
        "revenue": sums.monetary,
    }
    if name != PROSPECTS:
        members = ("recency_days", "frequency", "monetary", *(("r", "f", "m") if scores else ()))
        row["average"] = {member: mean(getattr(sums, member)) for member in members}
    return row


def _miss(forecaster: Forecaster) -> float | None:
    """By what share the purchases of the test missed what would have been forecast then."""
    if forecaster.holdout is None:
        return None
    score = forecaster.holdout.served
    return abs(score.actual - score.predicted) / score.predicted if score.predicted else None


def _range(revenue: float, variance: float, miss: float | None) -> dict[str, Any]:
    low, high = demand.interval(revenue, variance, miss) or (None, None)
    return {"revenue": round(revenue), "low": low, "high": high}


def _band(band: demand.Band) -> dict[str, Any]:
    return {"customers": band.customers, "revenue": round(band.revenue), "clv_12m": round(band.clv)}


def _parameters(forecaster: Forecaster) -> dict[str, Any]:
    """Of the models in use, in weeks and minor units."""
    models = {name: getattr(forecaster, name.lower()) for name in (forecaster.count_model, forecaster.chance_model)}
    return {name: asdict(model) for name, model in models.items()} | {"GAMMA_GAMMA": asdict(forecaster.gamma_gamma)}


def _test(forecaster: Forecaster) -> dict[str, Any] | None:
    """How the candidates did by themselves on the days held out, best first; and the totals (`served`) and the
    calibration, by tenths, of what the chosen ones would have forecast together."""
    holdout = forecaster.holdout
    if holdout is None:
        return None
    return {
        "from": date.fromordinal(_EPOCH + holdout.calibrated_until + 1).isoformat(),
        "days": holdout.days,
        "customers": holdout.customers,
        "purchases": [_rounded(asdict(model)) for model in sorted(holdout.counts, key=lambda model: model.deviance)],
        "chance": [_rounded(asdict(model)) for model in sorted(holdout.chances, key=lambda model: model.log_loss)],
        "served": _rounded(asdict(holdout.served)),
        "calibration": {
            "purchases": [_rounded(asdict(tenth)) for tenth in holdout.count_bins],
            "chance": [_rounded(asdict(tenth)) for tenth in holdout.chance_bins],
        },
    }


def _rounded(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in members.items()}
