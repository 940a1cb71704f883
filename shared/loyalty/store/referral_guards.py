"""Referrals: a code's owner at pk `REFERRAL#<code>`, a friend's at pk `REFERRED#<mailbox>`, both with sk `GUARD`."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, Final

from shared.core import old_table as table
from shared.core.facts import Fact, from_timestamp, to_timestamp
from shared.customers.store import profiles as customers
from shared.loyalty import referral
from shared.loyalty.points import Account, Posting
from shared.loyalty.program import Bonus, Program
from shared.loyalty.store import accounts
from shared.loyalty.store import program_versions as programs
from shared.scorecards.store import cards as scorecards

Mint = Callable[[str, int], str]
_GUARD: Final = "GUARD"


def code_of(customer_id: str, mint: Mint) -> str:
    """The customer's own code; made on first use (1 read unit, 1 write unit the first time).

    `mint(customer_id, n)` makes the same code every time; n counts those that others have.
    """
    taken = 0
    while True:
        code = mint(customer_id, taken)
        owner = owner_of(code)
        if owner == customer_id:
            return code
        if owner is None:
            try:
                table.apply(table.put_new(table.customers_table(), {**_code_key(code), "customer_id": customer_id}))
            except table.Cancelled:
                continue
            return code
        taken += 1


def owner_of(code: str) -> str | None:
    """Whose code this is (1 read unit)."""
    item = table.get(table.customers_table(), _code_key(referral.normalise_code(code)))
    return str(item["customer_id"]) if item else None


def reward(friend_id: str, now: datetime, zone: tzinfo) -> bool:
    """Reward a friend's first purchase, hers and that of who referred her, once; False where there is nothing to.

    One transaction of both accounts, both facts, the guard of the friend's mailbox, and a check of her scorecard: 12
    write units.
    """
    for _ in table.tries():
        friend = customers.get(friend_id)
        if friend is None or not friend.referral_code or not friend.email:
            return False
        program, owner = programs.latest(), owner_of(friend.referral_code)
        guard = _guard_key(friend.email)
        before = table.get(table.customers_table(), guard)
        if program is None or owner is None or (before and not _may_come_again(before, friend_id)):
            return False
        if customers.get_id(referral.same_mailbox(friend.email)) not in (None, friend_id):
            # Somebody the shop knows by her plain address is no new friend by another spelling of it.
            return False
        referrer, card = customers.get(owner), scorecards.get(friend_id)
        if referrer is None or card is None or not referral.is_earned(friend, card, referrer, zone):
            return False
        time = before["version"] + 1 if before else 1
        ours, theirs = referral.reward(accounts.find(friend_id), accounts.find(owner), time, program, now, zone)
        given = [posting for posting in (ours, theirs) if posting.facts]
        item = {
            **guard,
            "customer_id": friend_id,
            "referrer_id": owner,
            "friend": _earned_members(ours),
            "referrer": _earned_members(theirs),
            "version": time,
        }
        # The purchase may go back at this very moment: then it is looked at anew.
        also = [table.put_version(table.customers_table(), item), scorecards.unchanged(card)]
        if theirs.facts and theirs.account.version == 0:
            also.append(scorecards.ensure(owner))
        try:
            accounts.post(given, also)
        except (accounts.AlreadyPosted, table.Cancelled):
            continue
        return True
    raise AssertionError("tries() ends by raising")


def take_back(friend_id: str, now: datetime, zone: tzinfo) -> bool:
    """Take back what a referral earned once nothing is left of all that the friend bought; once."""
    for _ in table.tries():
        friend = customers.get(friend_id)
        if friend is None or not friend.referral_code or not friend.email:
            return False
        guard = _guard_key(friend.email)
        item = table.get(table.customers_table(), guard)
        if item is None or item["customer_id"] != friend_id or "taken_back_at" in item:
            return False
        card, program = scorecards.get(friend_id), programs.latest()
        if program is None or card is None or card.orders > 0:
            return False
        postings = [
            _taken(item.get("friend"), friend_id, item["referrer_id"], Bonus.REFERRED, program, now, zone),
            _taken(item.get("referrer"), item["referrer_id"], friend_id, Bonus.REFERRAL, program, now, zone),
        ]
        changed = {**item, "taken_back_at": to_timestamp(now), "version": item["version"] + 1}
        also = [table.put_version(table.customers_table(), changed), scorecards.unchanged(card)]
        try:
            accounts.post([posting for posting in postings if posting and posting.facts], also)
        except (accounts.AlreadyPosted, table.Cancelled):
            continue
        return True
    raise AssertionError("tries() ends by raising")


def _may_come_again(guard: table.Item, friend_id: str) -> bool:
    """Whether what this mailbox had earned was taken back: then a purchase that stays earns it after all."""
    return guard["customer_id"] == friend_id and "taken_back_at" in guard


def _taken(
    members: dict[str, Any] | None,
    customer_id: str,
    about: str,
    bonus: Bonus,
    program: Program,
    now: datetime,
    zone: tzinfo,
) -> Posting | None:
    if not members:
        return None
    at = from_timestamp(members["at"])
    data = {name: value for name, value in members.items() if name != "at"}
    earned = Fact(type="PointsEarned", id="", customer_id=customer_id, occurred_at=at, recorded_at=at, data=data)
    account: Account = accounts.find(customer_id)
    return referral.take_back(account, earned, program, bonus, about, now, zone)


def _earned_members(posting: Posting) -> dict[str, Any] | None:
    earned = referral.earned_fact(posting)
    if earned is None:
        return None
    kept = {name: earned.data[name] for name in ("points", "expires", "available_on", "earned")}
    return {"at": to_timestamp(earned.occurred_at), **kept}


def _code_key(code: str) -> dict[str, str]:
    return {"pk": f"REFERRAL#{code}", "sk": _GUARD}


def _guard_key(email: str) -> dict[str, str]:
    return {"pk": f"REFERRED#{referral.same_mailbox(email)}", "sk": _GUARD}
