"""How the scoring capability is deployed: the rescoring of every night and its reports."""

from shared.edge.wiring import Capability, Function, Job, Route, Schedule, Step

SCORING = Capability(
    "scoring",
    Function(
        "report_scores",
        Route(
            "GET /reports/segments",
            scope="reports:read",
            operation="reportSegments",
            answers={200: "SegmentReport"},
            summary="Customers, revenue and averages per segment, and the moves since the run before",
        ),
        Route(
            "GET /reports/forecast",
            scope="reports:read",
            operation="reportForecast",
            answers={200: "ForecastReport"},
            summary="What all customers are expected to spend in the next 90 days, and how far such forecasts were "
            "right",
        ),
        Route(
            "GET /reports/lifecycle",
            scope="reports:read",
            operation="reportLifecycle",
            answers={200: "LifecycleReport"},
            summary="Customers and revenue by stage: prospects, newcomers, regulars, growing, lapsed",
        ),
        Route(
            "GET /reports/cohorts",
            scope="reports:read",
            operation="reportCohorts",
            answers={200: "CohortReport"},
            summary="How many of each month's newcomers came back in which month",
        ),
        customers=("GetItem",),
    ),
    Function(
        "start_rescoring",
        Route(
            "POST /rescorings",
            scope="rescorings:write",
            body="RescoringPayload",
            answers={202: "RescoringStarted"},
            summary="Start tonight's rescoring now",
        ),
        customers=("PutItem",),
        scorecards=("Scan",),
        starts="rescoring",
    ),
    Function(
        "view_rescoring",
        Route(
            "GET /rescorings/{rescoring_id}",
            scope="rescorings:write",
            answers={200: "RescoringView"},
            summary="The progress of a rescoring, or its result",
        ),
        customers=("Query",),
        watches="rescoring",
    ),
    # Scan in parallel segments, rank all customers at once, fit once a week, write in parallel segments, report.
    Job(
        "rescoring",
        Step(
            Function(
                "plan_rescoring",
                customers=("GetItem", "PutItem", "Query"),
                scorecards=("DescribeTable", "Scan"),
                watches="rescoring",
            ),
        ),
        Step(
            Function(
                "scan_scorecards",
                customers=("PutItem",),
                scorecards=("Scan",),
                bucket=("PutObject",),
                folders=("rescorings",),
                layers=("numeric",),
            ),
            each=True,
        ),
        Step(
            Function(
                "rank_scorecards",
                customers=("GetItem",),
                bucket=("GetObject", "PutObject"),
                folders=("rescorings",),
                layers=("numeric",),
            ),
        ),
        Step(
            Function(
                "fit_forecaster",
                customers=("PutItem",),
                bucket=("GetObject", "PutObject"),
                folders=("rescorings",),
                layers=("numeric",),
            ),
            when="fits",
        ),
        Step(
            Function(
                "write_scores",
                customers=("GetItem", "PutItem", "BatchWriteItem"),
                scorecards=("GetItem", "PartiQLUpdate", "Scan"),
                bucket=("GetObject", "PutObject"),
                folders=("rescorings",),
                layers=("numeric",),
            ),
            each=True,
        ),
        Step(
            Function(
                "report_rescoring",
                customers=("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"),
                bucket=("GetObject", "PutObject", "DeleteObject"),
                folders=("rescorings", "scores"),
                layers=("numeric",),
            ),
        ),
        # Not at an hour that is left out when the clocks go forward: that night nothing would run.
        schedule=Schedule(hour=4),
        # A new account's few functions at once take hours for a hundred million customers, and still come to an end.
        timeout=20,
        alarm="Segments and reports stay as they were after the last run",
    ),
)
