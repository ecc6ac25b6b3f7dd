"""From how near a chunk's vector is and how many of the question's words it has, to one score. Pure.

A score is how likely a chunk that comes so near is to answer the question rather than not, were there as many that do as do not.
So it means the same for every question, and whichever half of the search found the chunk. `bench/retrieval.py` fits the curves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """score = 1 / (1 + exp(-(constant + cosine · cosines + words · shares)))"""

    constant: float
    cosine: float = 0.0
    words: float = 0.0

    def __call__(self, cosines: Numbers, shares: Numbers) -> Numbers:
        exponent = self.constant + self.cosine * cosines + self.words * shares
        return np.asarray(1 / (1 + np.exp(-exponent)), dtype=np.float64)


BOTH = Curve(constant=-3.52, cosine=6.38, words=5.90)
"""For chunks in the question's language."""
NEAR = Curve(constant=-1.95, cosine=5.43)
"""By vectors alone: for chunks in another language, too, which have some of the question's words by chance."""
NAMED = Curve(constant=-1.53, words=5.29)
"""By words alone."""
ALL_WORDS = 0.4
"""Share from which on a chunk has about all that the question names: in any language it is then meant, as `pam_unix` is."""


def scores(*, search_type: str, cosines: Numbers, shares: Numbers, same_language: NDArray[np.bool_]) -> Numbers:
    """0 to 1 for each chunk.

    `cosines`: of its vector and the question's. `shares`: BM25 of the question's words, as a share of what a chunk that repeated
    each of them for ever would have.
    """
    if search_type == "semantic":
        return NEAR(cosines, shares)
    if search_type == "keyword":
        # Whoever asks for words alone has none of them found by nothing.
        return np.where(shares > 0, NAMED(cosines, shares), 0.0)
    return np.where(same_language | (shares >= ALL_WORDS), BOTH(cosines, shares), NEAR(cosines, shares))
