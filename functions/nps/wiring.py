"""How the NPS capability is deployed: surveys, invitations to them every night and after cases, answers and reports."""

from shared.edge.wiring import Capability, Function, Hears, Job, Route, Schedule, Step

NPS = Capability(
    "nps",
    Function(
        "configure_surveys",
        Route(
            "GET /nps/surveys",
            scope="surveys:read",
            operation="listSurveys",
            answers={200: "SurveyList"},
            summary="All surveys as data",
        ),
        Route(
            "PUT /nps/surveys/{survey_id}",
            scope="surveys:write",
            body="SurveyPayload",
            operation="changeSurvey",
            answers={200: "SurveyView"},
            summary="Make a survey, or change it",
        ),
        Route(
            "GET /nps/surveys/{survey_id}/link",
            scope="surveys:read",
            query=("place",),
            operation="viewSurveyLink",
            answers={200: "SurveyLink"},
            summary="The anonymous link of a place, to print on a counter or a receipt",
        ),
        Route(
            "GET /nps/rules",
            scope="surveys:read",
            operation="viewSurveyRules",
            answers={200: "SurveyRules"},
            summary="What holds across surveys and cases: throttle, quiet hours, due times",
        ),
        Route(
            "PUT /nps/rules",
            scope="surveys:write",
            body="RulesPayload",
            operation="changeSurveyRules",
            answers={200: "SurveyRules"},
            summary="Change what holds across surveys and cases",
        ),
        customers=("GetItem", "PutItem", "Query"),
        signing_key=True,
        links=True,
    ),
    Function(
        "answer_survey",
        Route(
            "GET /surveys/{token}",
            page=True,
            query=("score",),
            operation="showSurvey",
            summary="The survey's page behind a link in a mail; `score` is chosen there and not recorded",
        ),
        Route(
            "POST /surveys/{token}",
            page=True,
            fields=("token", "score", "comment"),
            operation="answerSurvey",
            summary="Answer a survey, or change the answer (form)",
        ),
        customers=("GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchGetItem", "Query"),
        scorecards=("GetItem",),
        signing_key=True,
    ),
    Function(
        "answer_anonymously",
        Route(
            "GET /feedback/{token}",
            page=True,
            operation="showAnonymousSurvey",
            summary="A survey for whoever stands at a counter or reads a receipt",
        ),
        Route(
            "POST /feedback/{token}",
            page=True,
            fields=("token", "score", "comment"),
            # Each counts without a name.
            throttle=(5, 20),
            operation="answerAnonymously",
            summary="Answer it without a name (form)",
        ),
        customers=("GetItem", "PutItem", "UpdateItem"),
        signing_key=True,
    ),
    Function(
        "report_nps",
        Route(
            "GET /reports/nps",
            scope="reports:read",
            query=("from", "to"),
            operation="reportNps",
            answers={200: "NpsReport"},
            summary="NPS with margin and n, by month, segment, channel, category and survey; cases and recoveries",
        ),
        Route(
            "GET /nps/comments",
            scope="surveys:read",
            query=("month", "next"),
            operation="listComments",
            answers={200: "CommentList"},
            summary="What customers wrote in a month, newest first, with score, mood and themes",
        ),
        customers=("Query",),
    ),
    Function(
        "send_survey_invitation",
        # A message that comes in somebody's quiet hours is hidden until they are over.
        Hears("SurveyInvited", queue="surveys", patient=True, hides=True),
        customers=("GetItem", "PutItem", "BatchGetItem", "Query"),
        signing_key=True,
        sends_mail=True,
        alarm="Invited customers get no survey mail",
    ),
    Function(
        "send_referral_invitation",
        Hears("SurveyAnswered", "SurveyAnswerChanged", queue="promoters", patient=True),
        customers=("GetItem", "PutItem", "Query"),
        signing_key=True,
        sends_mail=True,
        alarm="Promoters are not asked to bring a friend",
    ),
    Function(
        "ask_recovery",
        Schedule(every_hours=1),
        customers=("GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchGetItem", "Query"),
        timeout=120,
        alarm="Nobody is asked whether a resolved case helped",
    ),
    Function(
        "start_invitations",
        Route(
            "POST /nps/invitations",
            scope="surveys:write",
            answers={202: "InvitationsStarted"},
            summary="Start tonight's invitations to surveys now",
        ),
        customers=("PutItem",),
        starts="invitations",
    ),
    Job(
        "invitations",
        Step(
            Function(
                "plan_invitations",
                customers=("GetItem", "PutItem"),
                scorecards=("DescribeTable", "Scan"),
                watches="invitations",
            ),
        ),
        Step(
            Function(
                "decide_invitations",
                customers=("GetItem", "PutItem", "UpdateItem", "BatchGetItem", "Query"),
                scorecards=("Scan",),
                bucket=("PutObject",),
                folders=("invitations",),
            ),
            each=True,
        ),
        Step(
            Function("close_invitations", customers=("GetItem", "UpdateItem", "DeleteItem", "Query")),
        ),
        schedule=Schedule(hour=8),
        timeout=20,
        alarm="Nobody is asked anything",
    ),
)
