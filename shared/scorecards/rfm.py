"""RFM: recency, frequency and monetary value scored 1 to 5 against all customers, and the segment that follows.

`shared/scoring/ranks.py` computes the scores; here is what they mean.
"""

from typing import Final

SCORES: Final = 5
PROSPECTS: Final = "Prospects"

# The eleven segments as a partition of the 125 codes RFM; the list as published by Squeezely.
_CODES: Final = {
    "Champions": "445 454 455 544 545 554 555",
    "Loyal Customers": "335 344 345 354 355 435 444 543",
    "Potential Loyalists": (
        "323 333 341 342 351 352 353 423 431 432 433 441 442 451 452 453 531 532 533 541 542 551 552 553"
    ),
    "New Customers": "311 411 412 421 422 511 512",
    "Promising": "313 314 315 413 414 415 424 425 513 514 515 521 522 523 524 525",
    "Need Attention": "324 325 334 343 434 443 534 535",
    "About To Sleep": "213 221 231 241 251 312 321 331",
    "Can't Lose Them": "113 114 115 144 154 155 214 215",
    "At Risk": "124 125 133 134 135 142 143 145 152 153 224 225 234 235 242 243 244 245 252 253 254 255",
    "Hibernating": "122 123 132 211 212 222 223 232 233 322 332",
    "Lost": "111 112 121 131 141 151",
}

SEGMENTS: Final = (*_CODES, PROSPECTS)
_SEGMENT_OF: Final = {code: name for name, codes in _CODES.items() for code in codes.split()}


def segment(r: int, f: int, m: int) -> str:
    """The segment of a code; every one of the 125 codes has exactly one."""
    return _SEGMENT_OF[f"{r}{f}{m}"]
