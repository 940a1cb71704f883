"""The members of answers about the programme, points, rewards and settlements; a member that is not set is None."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from shared.core.codec import to_members
from shared.core.facts import to_timestamp
from shared.loyalty import points
from shared.loyalty.points import Account, Adjustment, Books
from shared.loyalty.program import Program
from shared.loyalty.reward import Redemption, Reward
from shared.loyalty.settlement import Liability, Report, Statement


def program_members(program: Program) -> dict[str, Any]:
    """A version of the programme."""
    return to_members(program)


def reward_members(reward: Reward) -> dict[str, Any]:
    """A reward, with how many are left."""
    members = to_members(reward)
    del members["redeemed"]
    return {**members, "left": reward.left}


def redemption_members(redemption: Redemption) -> dict[str, Any]:
    """A voucher."""
    return {
        "redemption_id": redemption.redemption_id,
        "customer_id": redemption.customer_id,
        "reward_id": redemption.reward_id,
        "reward_name": redemption.reward_name,
        "points": redemption.points,
        "code": redemption.code,
        "status": redemption.status,
        "redeemed_at": to_timestamp(redemption.redeemed_at),
        "cancelled_at": to_timestamp(redemption.cancelled_at) if redemption.cancelled_at else None,
    }


def adjustment_members(adjustment: Adjustment, account: Account, today: date) -> dict[str, Any]:
    """An adjustment, with the balance of now."""
    balance = points.balance(account, today)
    return {
        "adjustment_id": adjustment.adjustment_id,
        "customer_id": adjustment.customer_id,
        "points": adjustment.points,
        "active": balance.active,
        "pending": balance.pending,
        "negative": balance.negative,
    }


def points_members(account: Account, program: Program, referral_code: str, today: date) -> dict[str, Any]:
    """A customer's points."""
    balance = points.balance(account, today)
    pending_until, tier = points.next_available(account, today), points.next_tier(account, program, today)
    qualifying = account.qualifying(program, today)
    return {
        "customer_id": account.customer_id,
        "active": balance.active,
        "pending": balance.pending,
        "pending_until": pending_until.isoformat() if pending_until else None,
        "spent": balance.spent,
        "expired": balance.expired,
        "negative": balance.negative,
        "tier": points.tier_of(account, program, today).name,
        "tier_ends_on": account.tier_ends_on.isoformat() if account.tier_ends_on else None,
        "qualifying_points": qualifying,
        "next_tier": tier.name if tier else None,
        "points_to_next_tier": max(0, tier.threshold - qualifying) if tier else None,
        "expiring": [{"at": day.isoformat(), "points": number} for day, number in points.expiring(account, today)],
        "referral_code": referral_code,
    }


def report_members(report: Report) -> dict[str, Any]:
    """The statement of liability of a settlement; months newest first."""
    statement, total = report.statement, report.statement.total
    return {
        "settlement_id": report.settlement_id,
        "as_of": report.as_of.isoformat(),
        "started_at": to_timestamp(report.started_at),
        "finished_at": to_timestamp(report.finished_at),
        **_liability(total),
        "tiers": [{"tier": name, **_liability(liability)} for name, liability in sorted(statement.tiers.items())],
        "months": _months(statement, total),
    }


def _months(statement: Statement, total: Liability) -> list[dict[str, Any]]:
    rows, closing = [], total.outstanding
    for month, by_tier in sorted(statement.months.items(), reverse=True):
        books = sum(by_tier.values(), Books())
        rows.append(
            {
                "month": month,
                "opening": closing - books.balance,
                **asdict(books),
                "closing": closing,
                "tiers": _tiers(by_tier),
            }
        )
        closing -= books.balance
    return rows


def _tiers(by_tier: Mapping[str, Books]) -> list[dict[str, Any]]:
    return [{"tier": name, **asdict(books)} for name, books in sorted(by_tier.items())]


def _liability(liability: Liability) -> dict[str, int]:
    return {
        "accounts": liability.accounts,
        **asdict(liability.books),
        "active": liability.active,
        "pending": liability.pending,
        "negative": liability.negative,
        "outstanding": liability.outstanding,
        "unbalanced": liability.unbalanced,
    }
