"""Writing to a customer: checked at the last moment, sent at most once, each refusal on record."""

from collections.abc import Callable

from shared.contact.check import Occasion, Reason, refusal_by_history, refusal_by_profile
from shared.core import clock, environment
from shared.core.locales import choose_locale
from shared.core.settings import Settings
from shared.customers.customer import Customer
from shared.customers.links import unsubscribe_path
from shared.customers.store import contact_histories
from shared.mail import deliver
from shared.mail.compose import Email, Letter, render_email

Write = Callable[[Customer, Settings, str], Letter | None]


def write_to(
    customer: Customer | None,
    customer_id: str,
    mail_id: str,
    occasion: Occasion,
    write: Write,
    *,
    skip_id: str | None = None,
) -> None:
    """Mail a customer on an occasion, at most once for each `mail_id`: 1 read unit, 1 and 4 write units.

    Where the profile already says no, nothing is read.

    `write` gets the customer, the settings and the root of links; where it returns None, the mail is out of date. A
    refusal is recorded under `skip_id` if that is given, and then does not use up the `mail_id`. Raises, for the queue
    to deal with, where SES did not take the mail.
    """
    settings, time = environment.settings(), clock.shop_time()
    root = environment.public_url()
    reason = refusal_by_profile(customer, occasion, time.today)
    if reason is None:
        reason = refusal_by_history(contact_histories.get(customer_id), occasion)
    letter = write(customer, settings, root) if customer and reason is None else None
    if customer is None or letter is None:
        data = {"topic": occasion.topic.value, "reason": (reason or Reason.OUTDATED).value}
        deliver.skip(customer_id, skip_id or mail_id, data, time.now)
        return
    deliver.at_most_once(customer_id, mail_id, _compose(customer, letter, occasion, settings, root))


def _compose(customer: Customer, letter: Letter, occasion: Occasion, settings: Settings, root: str) -> Email:
    assert customer.email is not None
    return render_email(
        letter,
        settings,
        language=choose_locale(customer.locale, default=settings.locale),
        to=customer.email,
        unsubscribe_url=f"{root}/{unsubscribe_path(customer.customer_id, customer.epoch, occasion.topic)}",
        tags={"topic": occasion.topic},
        name=customer.contact.name,
    )
