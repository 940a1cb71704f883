"""How the mail capability is deployed: the events that SES reports about mails."""

from shared.edge.wiring import Capability, Function, MailEvents

MAIL = Capability(
    "mail",
    Function(
        "record_mail_events",
        MailEvents("BOUNCE", "COMPLAINT", queue="feedback"),
        customers=("GetItem", "PutItem"),
        signing_key=True,
        alarm="Bounces and complaints are not recorded, and such addresses get mail again",
    ),
)
