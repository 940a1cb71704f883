"""Money: whole minor units (cents) of one currency. Never a float."""

from decimal import Decimal, InvalidOperation
from typing import Final

from shared.core.errors import Invalid

# ISO 4217: the currencies in use whose minor unit is not a hundredth.
_NO_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND".split()
_TWO_DECIMALS: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG "
    "HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
    "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED "
    "VES WST XCD XCG YER ZAR ZMW ZWG"
).split()
_DECIMALS: Final = dict.fromkeys(_TWO_DECIMALS, 2) | dict.fromkeys(_NO_DECIMALS, 0) | dict.fromkeys(_THREE_DECIMALS, 3)

CURRENCY_CODES: Final = frozenset(_DECIMALS)

# 1,000,000,000,000 minor units: far above any order, far below what a DynamoDB number or a 64-bit sum can hold.
MAX_AMOUNT: Final = 10**12
_MAX_EXPONENT: Final = 100


def parse_amount(text: str, currency: str) -> int:
    """Minor units from a decimal such as `12.5` (EUR → 1250, JPY refuses it).

    Raises Invalid where the text is no plain decimal, is negative, too large, or finer than the minor unit.
    """
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise Invalid(f"{text!r} is not a decimal number such as 12.50") from None
    # An exponent beyond Decimal's own range, as in 1e999999, would overflow below.
    if not amount.is_finite() or abs(amount.adjusted()) > _MAX_EXPONENT:
        raise Invalid(f"{text!r} is not a decimal number such as 12.50")
    minor = amount.scaleb(_DECIMALS[currency])
    if minor != minor.to_integral_value():
        raise Invalid(f"{text!r} is finer than the smallest unit of {currency}")
    if not 0 <= minor <= MAX_AMOUNT:
        raise Invalid(f"{text!r} is not between 0 and {MAX_AMOUNT} minor units")
    return int(minor)


def to_decimal(minor: int, currency: str) -> Decimal:
    """Minor units as a decimal: 2900 EUR → 29.00, 2900 JPY → 2900."""
    return Decimal(minor).scaleb(-_DECIMALS[currency])


def format_amount(minor: int, currency: str) -> str:
    """A decimal with its currency for people: 123450 EUR → `1,234.50 EUR`."""
    return f"{to_decimal(minor, currency):,} {currency}"
