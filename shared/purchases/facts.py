"""Facts about orders and refunds."""

from typing import Annotated, Final, NotRequired, TypedDict

from shared.core.facts import Currency, FactType, Member, Timestamp

_OrderId = Annotated[str, Member("the shop's id of the order", "A-1001")]
_OrderedAt = Annotated[Timestamp, Member("time of the order", "2026-11-20T09:00:00.000Z")]
_Currency = Annotated[Currency, Member("currency of all amounts, ISO 4217", "EUR")]
_Sku = Annotated[str, Member("the shop's id of the product", "MUG-01")]


class Line(TypedDict):
    """A line of an order."""

    sku: _Sku
    name: NotRequired[Annotated[str, Member("name of the product", "Mug")]]
    category: NotRequired[Annotated[str, Member("category of the product", "Kitchen")]]
    quantity: Annotated[int, Member("pieces", 2)]
    price: Annotated[int, Member("price of one piece, in minor units", 1490)]


class PurchaseRecorded(TypedDict):
    """Members of `PurchaseRecorded`."""

    order_id: _OrderId
    ordered_at: _OrderedAt
    currency: _Currency
    total: Annotated[int, Member("Σ price · quantity − discount + tax + shipping, in minor units", 3470)]
    tax: Annotated[int, Member("tax on top of the prices, in minor units", 0)]
    shipping: Annotated[int, Member("shipping, in minor units", 490)]
    discount: Annotated[int, Member("discount, in minor units", 0)]
    coupon: NotRequired[Annotated[str, Member("code of the coupon that was used", "WELCOME10")]]
    channel: NotRequired[Annotated[str, Member("sales channel", "web")]]
    products: Annotated[
        list[Line],
        Member(
            "lines of the order; may be empty",
            [{"sku": "MUG-01", "name": "Mug", "category": "Kitchen", "quantity": 2, "price": 1490}],
        ),
    ]
    imported: NotRequired[Annotated[bool, Member("true where it came with many others, by `regulars import`", True)]]


class RefundedLine(TypedDict):
    """Pieces that went back."""

    sku: _Sku
    quantity: Annotated[int, Member("pieces", 1)]


class _Refund(TypedDict):
    refund_id: Annotated[str, Member("the shop's id of the refund", "R-77")]
    order_id: _OrderId
    refunded_at: Annotated[Timestamp, Member("time of the refund", "2026-11-21T10:00:00.000Z")]
    products: NotRequired[
        Annotated[
            list[RefundedLine],
            Member("pieces that went back, where the refund was of products", [{"sku": "MUG-01", "quantity": 1}]),
        ]
    ]


class PurchaseRefunded(_Refund):
    """Members of `PurchaseRefunded`."""

    amount: Annotated[int, Member("money that went back, in minor units", 1490)]
    currency: _Currency
    ordered_at: _OrderedAt
    order_total: Annotated[int, Member("total of the order, in minor units", 3470)]
    whole: Annotated[bool, Member("whether nothing of the order is left", False)]


class RefundRejected(_Refund):
    """Members of `RefundRejected`."""

    amount: NotRequired[Annotated[int, Member("money asked back, in minor units", 9900)]]
    reason: Annotated[
        str, Member("why, as a sentence for a person", "9900 is more than the 3470 that is left of the order")
    ]


_REFUND: Final = Member("the order id `/` the refund id", "A-1001/R-77")

PURCHASE_RECORDED: Final = FactType(
    name="PurchaseRecorded",
    summary="An order was recorded; dated at the time of the order.",
    id=Member("the order id", "A-1001"),
    data=PurchaseRecorded,
    version=2,
)
PURCHASE_REFUNDED: Final = FactType(
    name="PurchaseRefunded",
    summary="An order, or a part of it, was refunded; dated at the time of the refund.",
    id=_REFUND,
    data=PurchaseRefunded,
)
REFUND_REJECTED: Final = FactType(
    name="RefundRejected",
    summary="A refund that waited for its order was more than the order allows; dated at the time of the refund.",
    id=_REFUND,
    data=RefundRejected,
)
