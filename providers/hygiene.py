"""What comes from a vendor is foreign text: made storable before it is kept, stripped of keys before it is logged."""

import re

REPLACEMENT = "\ufffd"
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SECRETS = re.compile(
    r"""(?ix)
      \b(?:bearer|basic)\s+\S+                                       # an Authorization header
    | \b(?:sk|pk|rk|gsk|xai|pat|app|fastgpt|key|ghp|hf)[-_][\w\-.*]{4,}  # vendors' prefixes, starred out by themselves or not
    | \beyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?                               # a JWT
    | (?:api[-_ ]?key|token|secret|password|authorization)["']?\s*[:=]\s*["']?[^\s"',;}]+
    | (?<![A-Za-z0-9_\-])(?=[A-Za-z0-9_\-]*\d)(?=[A-Za-z0-9_\-]*[A-Za-z])[A-Za-z0-9_\-]{24,}  # long, letters and digits mixed
    """
)


def storable(text: str) -> str:
    """`text` without what PostgreSQL and UTF-8 refuse: NUL and lone surrogates become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    if text.isascii():
        return text
    return _SURROGATE.sub(REPLACEMENT, text)


def redact(text: str, *, keys: tuple[str, ...] = (), longest: int = 300) -> str:
    """One line fit for a log: the given keys and whatever looks like one replaced, control characters too, cut to `longest`."""
    text = text[: 20 * longest]
    for key in keys:
        if len(key) >= 6:  # a shorter one would take words apart, and protects nothing
            text = text.replace(key, "[redacted]")
    text = _SECRETS.sub("[redacted]", text)
    return storable(_CONTROL.sub(" ", text)).strip()[:longest]
