"""How the cases capability is deployed: complaints, work on cases, the report of overdue cases."""

from shared.edge.wiring import Capability, Function, Hears, Queue, Route

CASES = Capability(
    "cases",
    Function(
        "take_complaint",
        Route(
            "GET /complaints",
            page=True,
            query=("token",),
            operation="showComplaint",
            throttle=(10, 40),
            summary="The form by which a customer complains",
        ),
        Route(
            "POST /complaints",
            page=True,
            query=("token",),
            fields=("token", "text"),
            # Each costs the marketer a mail.
            throttle=(5, 20),
            operation="takeComplaint",
            summary="Open a case by a complaint (form)",
        ),
        customers=("GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchGetItem"),
        partitions=("CUST#*", "NPS#*", "CASE#*", "CASES#*", "DUE#*"),
        scorecards=("GetItem",),
        signing_key=True,
    ),
    Function(
        "manage_cases",
        Route(
            "GET /cases",
            scope="cases:read",
            query=("status", "limit", "next"),
            operation="listCases",
            answers={200: "CaseList"},
            summary="Open cases, the most urgent first, or resolved ones",
        ),
        Route(
            "GET /cases/{case_id}",
            scope="cases:read",
            operation="viewCase",
            answers={200: "CaseView"},
            summary="A case with its notes",
        ),
        Route(
            "POST /cases/{case_id}/assign",
            scope="cases:write",
            body="AssignPayload",
            operation="assignCase",
            answers={200: "CaseView"},
            summary="Give a case to somebody",
        ),
        Route(
            "POST /cases/{case_id}/notes",
            scope="cases:write",
            body="NotePayload",
            operation="noteCase",
            answers={200: "CaseView"},
            summary="Write into a case",
        ),
        Route(
            "POST /cases/{case_id}/resolve",
            scope="cases:write",
            body="ResolvePayload",
            operation="resolveCase",
            answers={200: "CaseView"},
            summary="Close a case with what came of it; the same again changes nothing",
        ),
        customers=("GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchGetItem", "Query"),
    ),
    Function(
        "notify_marketer",
        Hears("CaseOpened", "CaseContinued", "CaseOverdue", queue="cases", patient=True, waits=True),
        customers=("GetItem", "PutItem", "BatchGetItem"),
        scorecards=("GetItem",),
        sends_mail=True,
        alarm="The marketer gets no mail about cases",
    ),
    Function(
        "send_receipt",
        Hears("CaseOpened", "CaseContinued", queue="receipts", patient=True, waits=True),
        customers=("GetItem", "PutItem"),
        sends_mail=True,
        alarm="Customers who complain get no receipt",
    ),
    Function(
        "escalate_case",
        # It waits there from when it is opened.
        Queue("overdue", waits=True),
        customers=("GetItem", "PutItem"),
        alarm="Overdue cases are reported to nobody",
    ),
)
