"""What must not be read by the way: identity and phone numbers of China, bank cards, e-mail addresses, keys.

Numbers are told by their check digit where they have one, so that an order number of 18 digits stays. Written with ASCII digits,
with or without spaces or hyphens between them.
"""

from __future__ import annotations

import re

IDENTITY, PHONE, CARD, EMAIL, KEY = "[identity number]", "[phone number]", "[bank card]", "[e-mail]", "[hidden]"

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]{1,64}(?:@|%40)"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_KEY = re.compile(  # by its shape
    r"""(?x)
    (?<![A-Za-z0-9])(?:
        cp_[A-Za-z0-9_\-]{12,}                                    # ours
      | sk-[A-Za-z0-9_\-]{8,}                                     # OpenAI's, Anthropic's, DeepSeek's and others'
        # a JSON Web Token; up to the next one that may begin, so that many beginnings are not each read to the end
      | eyJ(?:[A-Za-z0-9]|[_\-](?!eyJ)){8,}\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?
      | (?:AKIA|ASIA|LTAI|AKID)[A-Za-z0-9]{12,}                   # Amazon's, Alibaba's, Tencent's
      | AIza[A-Za-z0-9_\-]{30,}                                   # Google's
      | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,}
      | glpat-[A-Za-z0-9_\-]{16,} | hf_[A-Za-z0-9]{20,} | xox[abprs]-[A-Za-z0-9\-]{10,}
    )
    | -----BEGIN[ ][A-Z ]{0,20}PRIVATE[ ]KEY-----[A-Za-z0-9+/=\s\\]{0,20000}(?:-----END[ ][A-Z ]{0,20}PRIVATE[ ]KEY-----)?
    """
)


def _alone(pattern: str) -> re.Pattern[str]:
    """Not in a longer number, a name or a fraction. Chinese may stand right beside it, so this is not `\\b`."""
    return re.compile(rf"(?<![A-Za-z0-9_.])(?:{pattern})(?![A-Za-z0-9_])")


_IDENTITY = _alone(r"[1-9]\d{5}[ ]?(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ ]?\d{3}[\dXx]")
_CARD = _alone(r"[3-69]\d{3}(?:[ \-]?\d{4}){3}(?:[ \-]?\d{1,3})?|3[47]\d\d[ \-]?\d{6}[ \-]?\d{5}")
_PHONE = _alone(r"(?:(?:\+|00)?86[ \-]?)?1[3-9]\d[ \-]?\d{4}[ \-]?\d{4}")
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def mask(text: str) -> str:
    """`text` with each of these replaced by the name of its sort in brackets."""
    text = _KEY.sub(KEY, text)  # first: a phone number within a key would cut it in two
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(EMAIL, text)
    text = _IDENTITY.sub(lambda found: IDENTITY if _has_identity_check(found[0]) else found[0], text)
    text = _CARD.sub(lambda found: CARD if _has_luhn_check(found[0]) else found[0], text)
    return _PHONE.sub(PHONE, text)


def _has_identity_check(written: str) -> bool:
    digits = written.replace(" ", "")
    total = sum(int(digit) * weight for digit, weight in zip(digits, _IDENTITY_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[17].upper()


def _has_luhn_check(written: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(re.sub("[ -]", "", written))):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
