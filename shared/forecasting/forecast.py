"""Forecasts per customer, by the models that forecast the shop's own last months best.

Nothing about how a shop's customers buy makes a fit fail: what cannot be fitted or tested gives way to plainer
models, and `Forecaster.reasons` says so.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike

from shared.core.errors import Invalid
from shared.forecasting import FORMAT, gamma_gamma, logistic, mbg_nbd, naive, pareto_nbd
from shared.forecasting.arrays import Floats, group, thin
from shared.forecasting.bands import ValueCuts, value_cuts
from shared.forecasting.gamma_gamma import GammaGamma
from shared.forecasting.histories import Histories, purchases_between, sufficient
from shared.forecasting.logistic import Logistic
from shared.forecasting.mbg_nbd import MbgNbd
from shared.forecasting.measures import Bin, ChanceScore, CountScore, calibrate, rank, score_chances, score_counts
from shared.forecasting.naive import Naive
from shared.forecasting.pareto_nbd import ParetoNbd

NAIVE: Final = "NAIVE"
MBG_NBD: Final = "MBG_NBD"
PARETO_NBD: Final = "PARETO_NBD"
LOGISTIC: Final = "LOGISTIC"

HORIZON_DAYS: Final = 90
CLV_DAYS: Final = 365
MIN_HOLDOUT_DAYS: Final = 14
MIN_BUYERS: Final = 50
MIN_REPEAT_BUYERS: Final = 20
# More add little: parameters are known to a percent or two, and each doubling doubles the time.
MAX_FITTED: Final = 25_000

# Parameters are in weeks, as in the literature.
_WEEK: Final = 7
# A holdout is the last third of the shop's days at most: a third to learn from, one for the outcome, one for the test.
_PARTS: Final = 3

_TITLES: Final = {MBG_NBD: "MBG/NBD", PARETO_NBD: "Pareto/NBD", LOGISTIC: "The logistic model"}

Model = Naive | MbgNbd | ParetoNbd | Logistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """How forecasts did on the last `days` until the day of the fit, knowing what was known on the day
    `calibrated_until`.

    `counts` and `chances` compare the candidates, each by itself. `served` and the bins, tenths of the customers, are
    of what `predict` makes of the chosen pair: expected purchases that are nowhere below the chance to buy.
    """

    calibrated_until: int
    days: int
    customers: int
    counts: tuple[CountScore, ...]
    chances: tuple[ChanceScore, ...]
    served: CountScore
    count_bins: tuple[Bin, ...]
    chance_bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecaster:
    """The result of `fit` for `customers` who had bought until `as_of_day`; `fitted_on` of them gave the
    parameters: every k-th where there are more than MAX_FITTED.

    `count_model` forecasts purchases and `chance_model` who buys within `horizon_days`; parameters are in weeks, money
    in minor units. Models that are not chosen are None, `naive` excepted. `orders_per_day` is the number of kept
    orders per purchase day; `holdout` is None where the shop's days were too few for a holdout.
    """

    as_of_day: int
    horizon_days: int
    customers: int
    fitted_on: int
    count_model: str
    chance_model: str
    naive: Naive
    mbg_nbd: MbgNbd | None
    pareto_nbd: ParetoNbd | None
    logistic: Logistic | None
    gamma_gamma: GammaGamma
    orders_per_day: float
    value_cuts: ValueCuts
    holdout: Holdout | None
    reasons: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values; `from_data` makes the same forecaster of them."""
        return {"format": FORMAT, **cast(dict[str, Any], _plain(asdict(self)))}

    @staticmethod
    def from_data(data: dict[str, Any]) -> "Forecaster":
        """The forecaster that gave these data; raises Invalid for those of another version."""
        if data.get("format") != FORMAT:
            raise Invalid(f"format: want a forecaster of the format {FORMAT}")
        fields = {name: value for name, value in data.items() if name != "format"}
        return Forecaster(
            **{
                **fields,
                "naive": Naive(**_tuples(data["naive"])),
                "mbg_nbd": data["mbg_nbd"] and MbgNbd(**data["mbg_nbd"]),
                "pareto_nbd": data["pareto_nbd"] and ParetoNbd(**data["pareto_nbd"]),
                "logistic": data["logistic"] and Logistic(**_tuples(data["logistic"])),
                "gamma_gamma": GammaGamma(**data["gamma_gamma"]),
                "value_cuts": ValueCuts(**data["value_cuts"]),
                "holdout": data["holdout"] and _holdout(data["holdout"]),
                "reasons": tuple(data["reasons"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of n customers: `expected_purchases` (days with a purchase, ≥ 0) and `p_buy` (0 to 1) within the horizon; in
    minor units `day_value`, what a day with a purchase comes to, and `clv_12m`, what to expect in the next 365 days,
    undiscounted, both ≥ 0. Every value is finite."""

    expected_purchases: Floats
    p_buy: Floats
    day_value: Floats
    clv_12m: Floats


@dataclass(frozen=True, slots=True)
class _Rows:
    """Distinct customers on a day, in days, each standing for `weight` of them, and the `purchases` that followed."""

    x: Floats
    t_x: Floats
    age: Floats
    purchases: Floats
    weight: Floats

    @property
    def customers(self) -> float:
        return float(self.weight.sum())

    @property
    def repeaters(self) -> float:
        return float(self.weight[self.x > 0].sum())

    @property
    def bought(self) -> Floats:
        return (self.purchases > 0).astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The candidates with their scores, the names of those for purchases and for chances, best first, and of the
    doubtful ones."""

    candidates: dict[str, Model]
    count_scores: tuple[CountScore, ...]
    chance_scores: tuple[ChanceScore, ...]
    counts: list[str]
    chances: list[str]
    doubtful: set[str]


def fit(histories: Histories, as_of_day: int, *, horizon_days: int = HORIZON_DAYS) -> Forecaster:
    """The forecaster from the purchases until the end of `as_of_day`; later purchases are ignored.

    The candidates are fitted to what was known H days before, H being the horizon or a third of the shop's days, and
    judged by what came since: expected purchases by Poisson deviance, chances by log loss, and where these hardly
    differ by who ranks buyers best (`scores.rank`). The best are fitted again to everything.
    The order of customers changes nothing, and no chance is involved. Orders and money have no days, so
    those of the whole life count. Raises Invalid for a horizon below one day, and for nothing else.
    """
    if horizon_days < 1:
        raise Invalid("horizon_days: want 1 or more")
    as_of_day, horizon_days = int(as_of_day), int(horizon_days)
    now = _observe(histories, as_of_day, as_of_day)
    reasons: list[str] = []
    known = histories.first <= as_of_day
    customers = int(known.sum())
    span = as_of_day - int(histories.first[known].min()) if customers else 0
    days = min(horizon_days, span // _PARTS)
    holdout: Holdout | None = None
    count_model = chance_model = NAIVE
    models: dict[str, Model | None] = {}
    if customers == 0:
        reasons.append("Nobody has bought yet; forecasts for new customers are a guess.")
    if days < min(MIN_HOLDOUT_DAYS, horizon_days):
        need = _PARTS * min(MIN_HOLDOUT_DAYS, horizon_days)
        if customers:
            reasons.append(
                f"The purchases span {span} days, and a test on the last of them takes {need}; "
                "average rates of purchase are used."
            )
        models[NAIVE] = naive.fit_lifetimes(now.x, now.age, now.weight)
    else:
        before = _observe(histories, as_of_day - days, as_of_day)
        earlier = _observe(histories, as_of_day - 2 * days, as_of_day - days)
        ranking = _judge(before, earlier, days, horizon_days, reasons)
        models[NAIVE] = _fit_naive(before, now, days)
        count_model = _choose(ranking.counts, ranking, models, now, before, days, reasons)
        chance_model = _choose(ranking.chances, ranking, models, now, before, days, reasons)
        holdout = _test(ranking, count_model, chance_model, before, as_of_day - days, days)

    spend = gamma_gamma.fit(histories.orders[known].astype(np.float64), histories.spent[known].astype(np.float64))
    if customers and not spend.fitted:
        reasons.append(
            "The values of orders do not fit the Gamma-Gamma model; means of customers, drawn towards that of the "
            "shop, are used."
        )
    purchase_days = float((np.diff(histories.offsets) + np.maximum(histories.unseen, 0))[known].sum())
    kept_orders = float(np.maximum(histories.orders, 0)[known].sum())
    forecaster = Forecaster(
        as_of_day=as_of_day,
        horizon_days=horizon_days,
        customers=customers,
        fitted_on=round(now.customers),
        count_model=count_model,
        chance_model=chance_model,
        naive=cast(Naive, models[NAIVE]),
        mbg_nbd=cast(MbgNbd | None, models.get(MBG_NBD)),
        pareto_nbd=cast(ParetoNbd | None, models.get(PARETO_NBD)),
        logistic=cast(Logistic | None, models.get(LOGISTIC)),
        gamma_gamma=spend,
        orders_per_day=kept_orders / purchase_days if purchase_days else 0.0,
        value_cuts=ValueCuts(top=None, high=None, medium=None),
        holdout=holdout,
        reasons=tuple(reasons),
    )
    return _with_cuts(forecaster, histories)


def predict(
    forecaster: Forecaster, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, orders: ArrayLike, spent: ArrayLike
) -> Predictions:
    """Forecasts for n customers, from the end of the day on which they are `age` days past their first purchase.

    `x` are purchase days after the first, `t_x` days from the first to the last, `age` (T) days since the first;
    `orders` and `spent` (minor units) those of the whole life. Each [n], of any numeric type.
    """
    days = np.asarray(age, np.float64)
    rows = group(np.asarray(x, np.float64), np.minimum(np.asarray(t_x, np.float64), days), days)
    columns = cast(tuple[Floats, Floats, Floats], rows.columns)
    horizon = float(forecaster.horizon_days)
    count = _model(forecaster, forecaster.count_model)
    chance = _model(forecaster, forecaster.chance_model)
    expected, p_buy = _serve(count, chance, *columns, horizon)
    year = np.maximum(_finite(_expected(count, *columns, float(CLV_DAYS))), p_buy)
    value = forecaster.gamma_gamma.expected_value(np.asarray(orders, np.float64), np.asarray(spent, np.float64))
    day_value = _finite(value * forecaster.orders_per_day)
    return Predictions(
        expected[rows.inverse],
        p_buy[rows.inverse],
        day_value,
        _finite(year[rows.inverse] * day_value),
    )


def _serve(count: Model, chance: Model, x: Floats, t_x: Floats, age: Floats, days: float) -> tuple[Floats, Floats]:
    """Expected purchases and the chance of one within `days`, as a pair of models forecasts them."""
    p_buy = np.minimum(_finite(_p_buy(chance, x, t_x, age, days)), 1)
    # Two models may disagree, but nobody buys with a chance of ½ and is to buy on less than half a day.
    return np.maximum(_finite(_expected(count, x, t_x, age, days)), p_buy), p_buy


def _observe(histories: Histories, day: int, until: int) -> _Rows:
    known = sufficient(histories, day)
    followed = purchases_between(histories, day, until)[known.customers]
    columns = (known.x, known.t_x, known.age, followed)
    rows = group(*(column.astype(np.float64) for column in columns))
    weight = thin(rows.weight, MAX_FITTED)
    kept = weight > 0
    x, t_x, age, purchases = (column[kept] for column in rows.columns)
    return _Rows(x, t_x, age, purchases, weight[kept])


def _judge(before: _Rows, earlier: _Rows, days: int, horizon_days: int, reasons: list[str]) -> _Ranking:
    candidates: dict[str, Model] = {NAIVE: _fit_naive(earlier, before, days)}
    if before.customers < MIN_BUYERS:
        reasons.append(
            f"Fewer than {MIN_BUYERS} customers had bought before the last {days} days; models of repeat buying were "
            "not tried."
        )
    elif before.repeaters < MIN_REPEAT_BUYERS:
        reasons.append(
            f"Fewer than {MIN_REPEAT_BUYERS} customers had bought again before the last {days} days; models of repeat "
            "buying were not tried."
        )
    else:
        for name in (MBG_NBD, PARETO_NBD):
            fitted = _fit(name, before, before, days)
            if fitted is None:
                reasons.append(f"{_TITLES[name]} could not be fitted.")
            else:
                candidates[name] = fitted
                if _at_edge(fitted):
                    reasons.append(
                        f"The fit of {_TITLES[name]} ran to the end of its range; it is used only if all else is worse."
                    )
    learner = _learner(earlier, days, horizon_days, reasons)
    if learner:
        candidates[LOGISTIC] = learner

    counts: dict[str, Floats] = {}
    chances: dict[str, Floats] = {}
    for name, model in candidates.items():
        chances[name] = np.minimum(_finite(_p_buy(model, before.x, before.t_x, before.age, days)), 1)
        if name != LOGISTIC:
            counts[name] = _finite(_expected(model, before.x, before.t_x, before.age, days))
    count_scores = tuple(score_counts(name, made, before.purchases, before.weight) for name, made in counts.items())
    chance_scores = tuple(score_chances(name, made, before.bought, before.weight) for name, made in chances.items())
    # Rates of groups know of no leaving, and parameters at the end of their range may mean anything: both are for
    # shops where nothing else will do.
    doubtful = {NAIVE, *(name for name, model in candidates.items() if _at_edge(model))}
    return _Ranking(
        candidates=candidates,
        count_scores=count_scores,
        chance_scores=chance_scores,
        counts=rank(count_scores, doubtful),
        chances=rank(chance_scores, doubtful),
        doubtful=doubtful,
    )


def _test(ranking: _Ranking, count_model: str, chance_model: str, before: _Rows, day: int, days: int) -> Holdout:
    """How the candidates did, and what would have been served of the chosen pair, which need not be the best ones."""
    count, chance = ranking.candidates[count_model], ranking.candidates[chance_model]
    expected, p_buy = _serve(count, chance, before.x, before.t_x, before.age, days)
    return Holdout(
        calibrated_until=day,
        days=days,
        customers=round(before.customers),
        counts=ranking.count_scores,
        chances=ranking.chance_scores,
        served=score_counts(count_model, expected, before.purchases, before.weight),
        count_bins=calibrate(expected, before.purchases, before.weight),
        chance_bins=calibrate(p_buy, before.bought, before.weight),
    )


def _learner(earlier: _Rows, days: int, horizon_days: int, reasons: list[str]) -> Logistic | None:
    """The logistic model of what followed the earlier day, where there is enough to learn from."""
    if days < horizon_days:
        reasons.append(
            f"The purchases span fewer than {_PARTS * horizon_days} days; who buys within {horizon_days} days could "
            "not be learnt from who did."
        )
        return None
    buyers = float(earlier.weight @ earlier.bought)
    if earlier.customers < MIN_BUYERS or buyers < MIN_REPEAT_BUYERS:
        reasons.append(
            f"Before the last {2 * days} days there were fewer than {MIN_BUYERS} customers, or fewer than "
            f"{MIN_REPEAT_BUYERS} of them bought within the {days} days after; who buys could not be learnt "
            "from who did."
        )
        return None
    learner = logistic.fit(earlier.x, earlier.t_x, earlier.age, earlier.bought, earlier.weight, days)
    if learner is None:
        reasons.append(f"Everyone bought within {days} days; who does could not be learnt from who did.")
    return learner


def _fit_naive(followed: _Rows, now: _Rows, days: int) -> Naive:
    """Rates from what followed, or from lives until now where it followed too few customers."""
    if followed.customers < MIN_BUYERS:
        return naive.fit_lifetimes(now.x, now.age, now.weight)
    return naive.fit(followed.x, followed.t_x, followed.age, followed.purchases, followed.weight, days)


def _fit(name: str, now: _Rows, followed: _Rows, days: int) -> Model | None:
    if name == LOGISTIC:
        return logistic.fit(followed.x, followed.t_x, followed.age, followed.bought, followed.weight, days)
    # Rows that differ only by what followed count as the same here.
    lives = group(now.x, now.t_x, now.age)
    weight = np.bincount(lives.inverse, now.weight, lives.weight.size).astype(np.float64)
    x, t_x, age = lives.columns
    fit_lives = mbg_nbd.fit if name == MBG_NBD else pareto_nbd.fit
    return fit_lives(x, t_x / _WEEK, age / _WEEK, weight)


def _choose(
    ranked: list[str],
    ranking: _Ranking,
    models: dict[str, Model | None],
    now: _Rows,
    before: _Rows,
    days: int,
    reasons: list[str],
) -> str:
    """The best of the ranked candidates whose fit to everything is as sound as the tested fit; adds it to models, and
    None for those before it."""
    for name in ranked:
        if name in models:
            if models[name]:
                return name
            continue
        models[name], fitted = None, _fit(name, now, before, days)
        title = _TITLES[name]
        if fitted is None:
            reasons.append(f"{title} did best in the test, but could not be fitted to all days.")
        elif _at_edge(fitted) and name not in ranking.doubtful:
            reasons.append(f"{title} did best in the test, but its fit to all days ran to the end of its range.")
        else:
            models[name] = fitted
            return name
    return NAIVE


def _at_edge(model: Model) -> bool:
    return isinstance(model, (MbgNbd, ParetoNbd)) and model.at_edge


def _model(forecaster: Forecaster, name: str) -> Model:
    models: dict[str, Model | None] = {
        MBG_NBD: forecaster.mbg_nbd,
        PARETO_NBD: forecaster.pareto_nbd,
        LOGISTIC: forecaster.logistic,
    }
    return models.get(name) or forecaster.naive


def _expected(model: Model, x: Floats, t_x: Floats, age: Floats, days: float) -> Floats:
    if isinstance(model, Logistic):
        raise Invalid("count_model: want a model of purchases")
    if isinstance(model, Naive):
        return model.expected(x, t_x, age, days)
    return model.expected(x, t_x / _WEEK, age / _WEEK, days / _WEEK)


def _p_buy(model: Model, x: Floats, t_x: Floats, age: Floats, days: float) -> Floats:
    if isinstance(model, Logistic):
        return model.p_buy(x, t_x, age)
    if isinstance(model, Naive):
        return model.p_buy(x, t_x, age, days)
    return model.p_buy(x, t_x / _WEEK, age / _WEEK, days / _WEEK)


def _with_cuts(forecaster: Forecaster, histories: Histories) -> Forecaster:
    known = sufficient(histories, forecaster.as_of_day)
    made = predict(
        forecaster,
        known.x,
        known.t_x,
        known.age,
        histories.orders[known.customers],
        histories.spent[known.customers],
    )
    fields = {name: getattr(forecaster, name) for name in forecaster.__slots__}
    return Forecaster(**{**fields, "value_cuts": value_cuts(made.clv_12m)})


def _finite(values: Floats) -> Floats:
    """NaN counts as 0 and infinity as 1e300; neither should occur."""
    return np.nan_to_num(np.maximum(values, 0), nan=0.0, posinf=1e300)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    return value


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}


def _holdout(data: dict[str, Any]) -> Holdout:
    return Holdout(
        **{
            **data,
            "counts": tuple(CountScore(**score) for score in data["counts"]),
            "chances": tuple(ChanceScore(**score) for score in data["chances"]),
            "served": CountScore(**data["served"]),
            "count_bins": tuple(Bin(**members) for members in data["count_bins"]),
            "chance_bins": tuple(Bin(**members) for members in data["chance_bins"]),
        }
    )
