"""How the loyalty capability is deployed: the programme, points, rewards, the settlement of every night."""

from shared.edge.wiring import Capability, Function, Hears, Job, Route, Schedule, Step

LOYALTY = Capability(
    "loyalty",
    Function(
        "configure_loyalty",
        Route(
            "GET /loyalty/program",
            scope="loyalty:read",
            operation="viewProgram",
            answers={200: "ProgramView"},
            summary="The loyalty programme in force; before it is launched, the one that an empty PUT would launch",
        ),
        Route(
            "PUT /loyalty/program",
            scope="loyalty:write",
            body="ProgramPayload",
            operation="changeProgram",
            answers={200: "ProgramView"},
            summary="Launch the loyalty programme, or change it from now on",
        ),
        Route(
            "GET /loyalty/rewards",
            scope="loyalty:read",
            operation="listRewards",
            answers={200: "RewardList"},
            summary="The catalogue of rewards",
        ),
        Route(
            "PUT /loyalty/rewards/{reward_id}",
            scope="loyalty:write",
            body="RewardPayload",
            operation="changeReward",
            answers={200: "RewardView"},
            summary="Make a reward, or change it",
        ),
        customers=("GetItem", "PutItem", "UpdateItem", "Query"),
    ),
    Function(
        "view_points",
        Route(
            "GET /customers/{customer_id}/points",
            scope="customers:read",
            operation="viewPoints",
            answers={200: "PointsView"},
            summary="A customer's points: what is active, pending, spent and expired, the tier, and what expires when",
        ),
        Route(
            "GET /customers/{customer_id}/redemptions",
            scope="customers:read",
            operation="listRedemptions",
            answers={200: "RedemptionList"},
            summary="A customer's vouchers, newest first",
        ),
        customers=("GetItem", "PutItem", "Query"),
        signing_key=True,
        links=True,
    ),
    Function(
        "adjust_points",
        Route(
            "POST /customers/{customer_id}/points/adjustments",
            scope="points:adjust",
            body="AdjustmentPayload",
            answers={201: "AdjustmentMade", 200: "AdjustmentMade"},
            summary="Add or take points, with a reason; the same again is 200",
        ),
        customers=("GetItem", "PutItem", "Query"),
        scorecards=("UpdateItem",),
    ),
    Function(
        "redeem_reward",
        Route(
            "POST /customers/{customer_id}/redemptions",
            scope="points:write",
            body="RedemptionPayload",
            answers={201: "RedemptionView", 200: "RedemptionView"},
            operation="redeemReward",
            summary="Redeem points for a reward; a voucher comes of it, the same again is 200",
        ),
        Route(
            "POST /customers/{customer_id}/redemptions/{redemption_id}/cancel",
            scope="points:write",
            operation="cancelRedemption",
            answers={200: "RedemptionView"},
            summary="Cancel a redemption: points and stock go back, once",
        ),
        customers=("GetItem", "PutItem", "UpdateItem", "Query"),
    ),
    Function(
        "show_points_page",
        Route(
            "GET /points",
            page=True,
            query=("token",),
            operation="showPoints",
            throttle=(10, 40),
            summary="The customer's own page: points, tier, rewards and history; redeems nothing",
        ),
        Route(
            "POST /points",
            page=True,
            query=("token",),
            fields=("token", "redemption_id", "reward_id"),
            operation="redeemOnPage",
            throttle=(10, 40),
            summary="Redeem a reward on the customer's own page (form)",
        ),
        customers=("GetItem", "PutItem", "UpdateItem", "Query"),
        partitions=("CUST#*", "LOYALTY#*", "REFERRAL#*"),
        signing_key=True,
    ),
    Function(
        "report_loyalty",
        Route(
            "GET /reports/loyalty",
            scope="reports:read",
            answers={200: "LiabilityReport"},
            summary="The statement of liability: points issued, redeemed, expired and outstanding, by month and tier",
        ),
        customers=("GetItem",),
    ),
    Function(
        "post_points",
        Hears(
            *("PurchaseRecorded", "PurchaseRefunded", "ConsentGranted", "SurveyAnswered"),
            queue="points",
            at_once=5,
            imported=False,
        ),
        # An import of a million orders takes hours; what customers do meanwhile does not wait for it.
        Hears("PurchaseRecorded", queue="imported-points", imported=True),
        customers=("GetItem", "PutItem", "Query"),
        scorecards=("GetItem", "UpdateItem", "ConditionCheckItem"),
        signing_key=True,
        alarm="Purchases, refunds, confirmations or answers do not change points",
    ),
    Function(
        "send_points_reminder",
        Hears("PointsExpiring", "TierEnding", queue="reminders", patient=True, waits=True),
        customers=("GetItem", "PutItem", "Query"),
        signing_key=True,
        sends_mail=True,
        alarm="Nobody is warned that points expire or a tier ends",
    ),
    Function(
        "start_settlement",
        Route(
            "POST /loyalty/settlements",
            scope="loyalty:write",
            answers={202: "SettlementStarted"},
            summary="Start tonight's settlement of points accounts now",
        ),
        customers=("PutItem",),
        starts="settlement",
    ),
    Job(
        "settlement",
        Step(
            Function(
                "plan_settlement",
                customers=("GetItem", "PutItem"),
                scorecards=("DescribeTable", "Scan"),
                watches="settlement",
            ),
        ),
        Step(
            Function(
                "settle_points",
                customers=("GetItem", "PutItem", "Query", "BatchGetItem"),
                scorecards=("Scan",),
            ),
            each=True,
        ),
        Step(
            Function("close_settlement", customers=("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")),
        ),
        # In the morning, for its mails leave at once; points end with their month whenever it runs.
        schedule=Schedule(hour=7),
        timeout=20,
        alarm="Points are not expired, tiers not reviewed, nobody is warned",
    ),
)
