"""The scenes whose items, answers and objects are kept in golden files; each module plays one."""

from typing import Final

SCENES: Final = (
    "customers",
    "purchases",
    "loyalty",
    "referrals",
    "nps",
    "cases",
    "mail",
    "scoring",
    "scoring_fitted",
    "platform",
)
