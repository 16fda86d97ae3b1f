"""How pleased a text in English sounds, by the words of feeling in it and the words before them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from math import sqrt
from typing import Final

from hub.feedback.text.valence import FACES, NEGATIONS, PHRASES, STRONGER, VALENCE, WEAKER

# A score of this or more on either side of 0 is a feeling.
NEUTRAL: Final = 0.05
# How soon many words of feeling saturate the score; the form x / √(x² + a) is Hutto and Gilbert's (2014).
SATURATION: Final = 15.0
REACH: Final = 3
_TOKEN = re.compile(
    "|".join(
        [
            r"[^\W\d_]+(?:'[^\W\d_]+)*",
            *(
                rf"(?<!\w){re.escape(face)}(?!\w)" if face[-1].isalnum() or face[0].isalnum() else re.escape(face)
                for face in sorted(FACES, key=len, reverse=True)
            ),
            r"!+",
            r"[.?;\n]",
        ]
    ),
    re.IGNORECASE,
)
_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "est", "y", "ness", "ful", "r", "n")


class Feeling(StrEnum):
    """What a score is called."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


def feeling_of(score: float) -> Feeling:
    """The word for a score from −1 to 1."""
    if score >= NEUTRAL:
        return Feeling.POSITIVE
    return Feeling.NEGATIVE if score <= -NEUTRAL else Feeling.NEUTRAL


def sentiment(text: str) -> float:
    """From −1, furious, to 1, delighted, of a cleaned text in English; 0 where no word says anything."""
    tokens = _TOKEN.findall(text)
    lower = [token.lower() for token in tokens]
    shouting = _mixed_case(tokens)
    weights, at = [0.0] * len(lower), 0
    while at < len(lower):
        own, length = _own(lower, at)
        if own:
            weights[at] = _in_context(own, tokens, lower, at, shouting)
        at += length
    _after_but(weights, lower)
    total = sum(weights)
    total += _emphasis(lower) * ((total > 0) - (total < 0))
    return total / sqrt(total * total + SATURATION)


def _own(lower: Sequence[str], at: int) -> tuple[float, int]:
    """What a word, or the phrase that begins with it, weighs by itself, and how many tokens that took."""
    for length in (3, 2):
        phrase = " ".join(lower[at : at + length])
        if phrase in PHRASES:
            return PHRASES[phrase], length
    return weight_of(lower[at]), 1


def weight_of(word: str) -> float:
    """What a lower-case word or face weighs, by itself or by its stem; 0 when it is not known."""
    if word in FACES:
        return FACES[word]
    if (found := VALENCE.get(word)) is not None:
        return found
    # soooo, yaaay: a letter written three times or more was meant once or twice.
    if (short := re.sub(r"(.)\1{2,}", r"\1\1", word)) != word:
        return weight_of(short) or weight_of(re.sub(r"(.)\1{2,}", r"\1", word))
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            for form in (stem, stem + "e", stem[:-1] + "y" if stem.endswith("i") else stem):
                if form in VALENCE:
                    return VALENCE[form]
    return 0.0


def _in_context(own: float, tokens: Sequence[str], lower: Sequence[str], at: int, shouting: bool) -> float:
    sign = 1 if own > 0 else -1
    if shouting and len(tokens[at]) > 2 and tokens[at].isupper():
        own += 0.75 * sign
    for back in range(1, REACH + 1):
        if at < back or not lower[at - back][0].isalpha():
            break
        before = lower[at - back]
        if before in NEGATIONS:
            own *= -0.7
        elif before in STRONGER:
            own += sign * 0.3 * (1 - 0.15 * (back - 1))
        elif before in WEAKER:
            own -= sign * 0.3
    return own


def _after_but(weights: list[float], lower: Sequence[str]) -> None:
    """What follows the last *but* is what was meant."""
    if "but" not in lower:
        return
    turn = len(lower) - 1 - list(reversed(lower)).index("but")
    weights[:] = [weight * (0.5 if at < turn else 1.5) for at, weight in enumerate(weights)]


def _mixed_case(tokens: Sequence[str]) -> bool:
    """Whether some words are written in capitals and others not, so that capitals say something."""
    capitals = sum(token.isupper() and len(token) > 1 for token in tokens)
    return 0 < capitals < sum(token[0].isalpha() for token in tokens)


def _emphasis(lower: Sequence[str]) -> float:
    return 0.3 * min(4, sum(len(token) for token in lower if token[0] == "!"))
