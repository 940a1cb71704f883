"""The base of all answers, and the answers of every route: read where the OpenAPI document is built and in tests only.

No function imports models of answers: handlers answer plain members, and tests hold every answer against its model.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Timestamp = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", json_schema_extra={"format": "date-time"})
]
"""UTC, to the millisecond."""
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", json_schema_extra={"format": "date"})]
"""A day in the shop's time zone."""
Month = Annotated[str, Field(pattern=r"^\d{4}-\d\d$")]
"""A month in the shop's time zone."""
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="currency of all amounts, ISO 4217")]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Url = Annotated[str, Field(pattern="^https?://", json_schema_extra={"format": "uri"})]
Next = Annotated[
    str | None, Field(description="value of the query's `next` for the page that follows; null at the end")
]


class Answer(BaseModel):
    """An answer. Members are there, null where there is nothing to say, but for those that are `absent`."""

    model_config = ConfigDict(strict=True)


def example(**members: Any) -> ConfigDict:
    """The configuration of an answer with an example of it."""
    return ConfigDict(strict=True, json_schema_extra={"examples": [members]})


def absent(description: str | None = None) -> Any:
    """A member that may be absent and is never null."""
    return Field(default_factory=lambda: None, description=description)


class ProblemError(Answer):
    """One thing that is wrong with the body."""

    pointer: str = Field(description="JSON pointer into the body; empty for the body as a whole")
    detail: str = Field(description="a sentence for a person")


class Problem(Answer):
    """RFC 9457 problem details. `detail` is a sentence for a person; programs look at `status` and other members."""

    model_config = example(
        type="about:blank",
        title="Unprocessable content",
        status=422,
        detail="products/0/price: Input should be a valid integer",
        errors=[{"pointer": "/products/0/price", "detail": "Input should be a valid integer"}],
    )

    type: str = Field(description="always about:blank: the status says what kind of problem it is")
    title: str = Field(description="the status in words")
    status: Annotated[int, Field(ge=400, le=599)] = Field(description="the HTTP status")
    detail: str
    errors: list[ProblemError] = absent("422 of a body that does not fit its schema: all that is wrong")
    missing: Count = absent("422 of points: how many are missing")
    refundable: Count = absent("422 of a refund: what can still go back, in minor units or in pieces of the product")
    version: Count = absent("409 of a loyalty programme: the version that is in force")
    tier: str = absent("409 of a redemption: the tier that the reward is for")
    limit_per_customer: Count = absent("409 of a redemption: how often one customer may have the reward")


class GatewayMessage(Answer):
    """The API gateway's own answer, before or in place of a function."""

    model_config = example(message="Forbidden")

    message: str | None


class OpenApiDocument(Answer):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(strict=True, extra="allow")

    openapi: str = Field(pattern=r"^3\.1\.", description="the version of OpenAPI")
