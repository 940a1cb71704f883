"""Answers about purchases and refunds."""

from typing import Literal

from pydantic import Field

from shared.edge.answers import Answer, Count, example


class PurchaseTaken(Answer):
    """An order that is on record: 201 the first time, 200 for the same again."""

    model_config = example(order_id="A-1001", customer_id="cus_7Q2M9X4TKB")

    order_id: str
    customer_id: str = Field(description="whose order it is, new or known")


class RefundTaken(Answer):
    """A refund that is on record: 201 the first time, 200 for the same again."""

    model_config = example(refund_id="R-77", order_id="A-1001", status="APPLIED", amount=1490)

    refund_id: str
    order_id: str
    status: Literal["PARKED", "APPLIED", "REJECTED"] = Field(
        description="PARKED until the order comes; REJECTED where it then was more than the order allows"
    )
    amount: Count | None = Field(description="what went back, in minor units; null unless APPLIED")
