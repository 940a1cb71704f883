"""`CustomerSignedUp` → the mail that asks to confirm, or a mail that says they are subscribed already."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from functions.customers.wiring import CEILING_REACHED
from shared.core import clock, environment, metrics
from shared.core.locales import choose_locale
from shared.customers import actions
from shared.customers.customer import CONFIRMATION_LINK_DAYS, Customer, mail_for_signup
from shared.customers.links import PREFERENCES_LINK, confirmation_path, preferences_path
from shared.customers.pacing import Limit
from shared.customers.store import profiles
from shared.edge.queues import consume, fact_of
from shared.mail import deliver
from shared.mail.compose import Email, Letter, render_email
from shared.mail.store import mails


def send(record: SQSRecord) -> None:
    """Send once per signup. Killed between sending and recording, it sends again: two mails are better than none."""
    fact = fact_of(record)
    signup_id = fact.data["signup_id"]
    customer = profiles.get(fact.customer_id)
    template = mail_for_signup(customer, signup_id) if customer else None
    if customer is None or template is None or mails.was_sent(customer.customer_id, signup_id):
        return
    assert customer.signup is not None
    limit = actions.claim_mail(customer, customer.signup, environment.settings().confirmations_per_day)
    if limit is Limit.DAY:
        metrics.count(CEILING_REACHED)
    if limit is None:
        deliver.at_least_once(customer.customer_id, signup_id, _compose(template, customer))


def _compose(template: str, customer: Customer) -> Email:
    assert customer.email is not None
    assert customer.signup is not None
    settings, root = environment.settings(), environment.public_url()
    context: dict[str, object]
    if template == "confirm_signup":
        # Whoever typed in the address typed in the name too: only its owner may have it repeated, once they confirm.
        name = None
        path = confirmation_path(customer.customer_id, customer.epoch, customer.signup)
        context = {"confirm_url": f"{root}/{path}", "valid_days": CONFIRMATION_LINK_DAYS}
    else:
        name = customer.contact.name
        path = preferences_path(customer.customer_id, customer.epoch, clock.now() + PREFERENCES_LINK)
        context = {"preferences_url": f"{root}/{path}"}
    return render_email(
        Letter(template=template, context=context),
        settings,
        language=choose_locale(customer.locale, default=settings.locale),
        to=customer.email,
        unsubscribe_url=None,
        name=name,
    )


handler = consume(send)
