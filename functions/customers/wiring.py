"""How the customers capability is deployed: signups, their confirmation, preferences, the single customer view."""

from shared.edge.wiring import Capability, Function, Hears, Route

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
        customers=("GetItem", "PutItem"),
        signing_key=True,
    ),
    Function(
        "confirm_signup",
        Route(
            "GET /signups/confirm",
            page=True,
            query=("token",),
            operation="showConfirmation",
            summary="The page behind the link in the confirmation mail; changes nothing",
        ),
        Route(
            "POST /signups/confirm",
            page=True,
            fields=("token", "shown"),
            operation="confirmSignup",
            summary="Confirm a signup (form field `token`)",
        ),
        customers=("GetItem", "PutItem"),
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
            summary="Change topics and channels, pause or leave (form)",
        ),
        customers=("GetItem", "PutItem"),
        signing_key=True,
    ),
    Function(
        "unsubscribe_customer",
        Route(
            "GET /unsubscribe",
            page=True,
            query=("token",),
            operation="showUnsubscribe",
            summary="The page behind an unsubscribe link; changes nothing",
        ),
        Route(
            "POST /unsubscribe",
            page=True,
            query=("token",),
            fields=("token", "List-Unsubscribe"),
            operation="unsubscribeCustomer",
            summary="Unsubscribe at once (RFC 8058)",
        ),
        customers=("GetItem", "PutItem"),
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
        customers=("GetItem", "Query"),
        scorecards=("GetItem",),
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
        customers=("GetItem", "PutItem"),
        signing_key=True,
        sends_mail=True,
        alarm="People who signed up are not asked to confirm",
    ),
)
