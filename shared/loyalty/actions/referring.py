"""Referrals: a customer's code, and what the first purchase of a friend earns and a return of everything takes back."""

from shared.core.addresses import mailbox_of
from shared.core.dynamodb import Cancelled, apply, optimistic
from shared.core.shop_time import ShopTime
from shared.customers.customer import Customer
from shared.customers.ids import mailbox_digest
from shared.customers.store import profiles
from shared.loyalty import referral
from shared.loyalty.actions.posting import post
from shared.loyalty.codes import mint_referral_code
from shared.loyalty.program import Program
from shared.loyalty.store import accounts, referral_codes
from shared.scorecards.store import cards


def code_of(customer_id: str) -> str:
    """The customer's own code; made on first use (1 read unit, 1 write unit the first time)."""
    taken = 0
    while True:
        code = mint_referral_code(customer_id, taken)
        owner = referral_codes.get_owner(code) or _claim(code, customer_id)
        if owner == customer_id:
            return code
        taken += 1


@optimistic
def reward(friend: Customer | None, program: Program, time: ShopTime) -> bool:
    """Reward a friend's first purchase, theirs and that of who referred them, once; False if there is nothing to do.

    One transaction of both accounts, both facts, the guard of the friend's mailbox, and a check of the friend's
    scorecard: 12 write units. Raises Busy where others keep changing the accounts.
    """
    if friend is None or not friend.referral_code or not friend.email:
        return False
    plain, mailbox = mailbox_of(friend.email), mailbox_digest(friend.email)
    referrer_id = referral_codes.get_owner(referral.normalise_code(friend.referral_code))
    before = referral_codes.get_referral(mailbox)
    if referrer_id is None or not referral.is_open(before, friend.customer_id):
        return False
    if plain != friend.email and profiles.get_id(plain) not in (None, friend.customer_id):
        # Another spelling of an address that the shop knows does not make a new friend.
        return False
    referrer, card = profiles.get(referrer_id), cards.get(friend.customer_id)
    if referrer is None or card is None or not referral.is_earned(friend, card, referrer, time):
        return False
    rewarded, to_friend, to_referrer = referral.reward(
        mailbox, accounts.get(friend.customer_id), accounts.get(referrer_id), before, program, time
    )
    # The purchase may be refunded at this very moment: then the action runs again.
    also = [referral_codes.put_referral(rewarded), cards.unchanged(card)]
    if to_referrer.facts and to_referrer.account.version == 0:
        # The settlement goes by scorecards.
        also.append(cards.ensure(referrer_id))
    post([posting for posting in (to_friend, to_referrer) if posting.facts], also)
    return True


@optimistic
def take_back(friend: Customer | None, program: Program, time: ShopTime) -> bool:
    """Take back what a referral earned once nothing is left of all that the friend bought; once (10 write units).

    Raises Busy where others keep changing the accounts.
    """
    if friend is None or not friend.referral_code or not friend.email:
        return False
    rewarded = referral_codes.get_referral(mailbox_digest(friend.email))
    if rewarded is None or rewarded.customer_id != friend.customer_id or rewarded.taken_back_at:
        return False
    card = cards.get(friend.customer_id)
    if card is None or card.orders > 0:
        return False
    postings = []
    if rewarded.friend:
        account = accounts.get(friend.customer_id)
        postings.append(referral.take_back_from_friend(account, rewarded, program, time))
    if rewarded.referrer:
        account = accounts.get(rewarded.referrer_id)
        postings.append(referral.take_back_from_referrer(account, rewarded, program, time))
    changed = referral.taken_back(rewarded, time.now)
    also = [referral_codes.put_referral(changed), cards.unchanged(card)]
    post([posting for posting in postings if posting.facts], also)
    return True


def _claim(code: str, customer_id: str) -> str | None:
    """The id of the code's owner, after the customer has claimed it."""
    try:
        apply(referral_codes.put_code(code, customer_id))
    except Cancelled:
        return referral_codes.get_owner(code)
    return customer_id
