"""How the customers capability is deployed: signups, their confirmation, preferences, the single customer view."""

from shared.edge.wiring import Capability, Function, Hears, Route

CEILING_REACHED = "ConfirmationCeilingReached"
_CEILING = {
    CEILING_REACHED: "Signups have had as many mails sent today as `confirmations_per_day` allows; no more go out "
    "until midnight UTC. Are robots signing up, or is the setting too low?"
}

CUSTOMERS = Capability(
    "customers",
    Function(
        "register_customer",
        Route(
            "POST /signups",
            body="SignupPayload",
            form=True,
            answers={202: "SignupTaken", 303: None},
            # Each may cost a mail.
            throttle=(5, 20),
            summary="Sign up, by JSON or by an HTML form; a confirmation mail follows",
        ),
        customers=("GetItem", "PutItem", "BatchGetItem"),
        partitions=("CUST#*", "EMAIL#*", "PACE#*"),
        signing_key=True,
        metrics=_CEILING,
    ),
    Function(
        "confirm_signup",
        Route(
            "GET /signups/confirm",
            page=True,
            query=("token",),
            operation="showConfirmation",
            throttle=(10, 40),
            summary="The page behind the link in the confirmation mail; changes nothing",
        ),
        Route(
            "POST /signups/confirm",
            page=True,
            fields=("token", "shown"),
            operation="confirmSignup",
            throttle=(10, 40),
            summary="Confirm a signup (form field `token`)",
        ),
        customers=("GetItem", "PutItem", "UpdateItem"),
        partitions=("CUST#*", "PACE#*"),
        scorecards=("UpdateItem",),
        signing_key=True,
    ),
    Function(
        "manage_preferences",
        Route(
            "GET /preferences",
            page=True,
            query=("token",),
            operation="showPreferences",
            throttle=(10, 40),
            summary="The preference centre",
        ),
        Route(
            "POST /preferences",
            page=True,
            query=("token",),
            fields=(
                *("token", "action", "pause"),
                *("EMAIL_NEWS", "EMAIL_OFFERS", "EMAIL_SURVEYS", "SMS_NEWS", "SMS_OFFERS", "SMS_SURVEYS"),
            ),
            operation="savePreferences",
            throttle=(10, 40),
            summary="Change topics and channels, pause or leave (form)",
        ),
        customers=("GetItem", "PutItem"),
        partitions=("CUST#*",),
        signing_key=True,
    ),
    Function(
        "unsubscribe_customer",
        Route(
            "GET /unsubscribe",
            page=True,
            query=("token",),
            operation="showUnsubscribe",
            # Mailbox providers send these in waves after each mailing.
            throttle=(20, 100),
            summary="The page behind an unsubscribe link; changes nothing",
        ),
        Route(
            "POST /unsubscribe",
            page=True,
            query=("token",),
            fields=("token", "List-Unsubscribe"),
            operation="unsubscribeCustomer",
            throttle=(20, 100),
            summary="Unsubscribe at once (RFC 8058)",
        ),
        customers=("GetItem", "PutItem"),
        partitions=("CUST#*",),
        signing_key=True,
    ),
    Function(
        "view_customer",
        Route(
            "GET /customers",
            scope="customers:read",
            query=("email",),
            operation="findCustomer",
            answers={200: "CustomerView"},
            summary="Find a customer by e-mail address",
        ),
        Route(
            "GET /customers/{customer_id}",
            scope="customers:read",
            operation="viewCustomer",
            answers={200: "CustomerView"},
            summary="The single customer view: profile, consents, scorecard",
        ),
        Route(
            "GET /customers/{customer_id}/timeline",
            scope="customers:read",
            query=("limit", "next"),
            operation="viewTimeline",
            answers={200: "Timeline"},
            summary="A customer's facts, newest first",
        ),
        customers=("GetItem", "Query", "BatchGetItem"),
        scorecards=("GetItem",),
        signing_key=True,
    ),
    Function(
        "sign_out_customer",
        Route(
            "POST /customers/{customer_id}/sign-out",
            scope="customers:write",
            operation="signOutCustomer",
            answers={200: "SignedOut"},
            summary="End all links of a customer, those in old mails included",
        ),
        customers=("GetItem", "PutItem"),
    ),
    Function(
        "send_confirmation",
        Hears("CustomerSignedUp", queue="confirmations", patient=True, waits=True),
        customers=("GetItem", "PutItem", "UpdateItem", "BatchGetItem"),
        signing_key=True,
        sends_mail=True,
        alarm="People who signed up are not asked to confirm",
    ),
)
