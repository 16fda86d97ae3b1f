"""A linear classifier of short texts: TF-IDF of words and pieces of words, multinomial logistic regression.

Trained in the space of the texts (the kernel of their features), where a few thousand texts take seconds; without an
intercept, which texts scaled to length one hardly need.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
MOST_FEATURES: Final = 20_000
# Features are multiplied in blocks of this size, so that memory stays flat.
BLOCK: Final = 2_000
ITERATIONS: Final = 150
_WORD = re.compile(r"\w\w+")


def features_of(text: str, *, pieces: Sequence[int] = ()) -> Counter[str]:
    """Words and pairs of words, and pieces of these lengths of every word with its edges; each with its count."""
    words = _WORD.findall(text.lower())
    found = Counter(words)
    found.update(f"{a} {b}" for a, b in pairwise(words))
    for word in words:
        edged = f"\t{word}\t"
        for length in pieces:
            found.update("\t" + edged[at : at + length] for at in range(len(edged) - length + 1))
    return found


class TextVectors:
    """TF-IDF over the features of some texts, each text scaled to length one."""

    def __init__(self, *, pieces: Sequence[int] = (), damped: bool = False) -> None:
        self._pieces, self._damped = tuple(pieces), damped
        self._at: dict[str, int] = {}
        self._idf: Floats = np.empty(0, np.float32)

    def fit(self, texts: Iterable[str]) -> list[Counter[str]]:
        """Learn the features and how rare they are; returns the features of the texts."""
        counted = [features_of(text, pieces=self._pieces) for text in texts]
        spread = Counter(feature for counts in counted for feature in counts)
        kept = sorted(spread, key=lambda feature: (-spread[feature], feature))[:MOST_FEATURES]
        self._at = {feature: at for at, feature in enumerate(kept)}
        rarity = [np.log((1 + len(counted)) / (1 + spread[feature])) + 1 for feature in kept]
        self._idf = np.array(rarity, np.float32)
        return counted

    def names(self) -> list[str]:
        return list(self._at)

    def counted(self, texts: Iterable[str]) -> list[Counter[str]]:
        return [features_of(text, pieces=self._pieces) for text in texts]

    def blocks(self, *sets: Sequence[Counter[str]]) -> Iterable[list[Floats]]:
        """Blocks of columns of the matrix of each set."""
        rows = [self._rows(counted) for counted in sets]
        for first in range(0, len(self._at), BLOCK):
            yield [self._block(at, first) for at in rows]

    def _rows(self, counted: Sequence[Counter[str]]) -> Any:
        row, column, value = [], [], []
        for number, counts in enumerate(counted):
            known = [(self._at[feature], count) for feature, count in counts.items() if feature in self._at]
            row += [number] * len(known)
            column += [at for at, _ in known]
            value += [count for _, count in known]
        rows, columns = np.array(row, np.int64), np.array(column, np.int64)
        values = np.array(value, np.float32)
        values = (1 + np.log(values) if self._damped else values) * self._idf[columns]
        length = np.sqrt(np.bincount(rows, values.astype(np.float64) ** 2, len(counted)))
        return len(counted), rows, columns, (values / length[rows]).astype(np.float32)

    def _block(self, rows: Any, first: int) -> Floats:
        size, row, column, value = rows
        inside = (column >= first) & (column < first + BLOCK)
        block = np.zeros((size, min(BLOCK, len(self._at) - first)), np.float32)
        block[row[inside], column[inside] - first] = value[inside]
        return block


class LinearClassifier:
    """Learns labels of texts. `strength` is the inverse of the regularisation, as scikit-learn's `C`."""

    def __init__(self, *, pieces: Sequence[int] = (), damped: bool = False, strength: float = 1.0) -> None:
        self._vectors = TextVectors(pieces=pieces, damped=damped)
        self._strength = strength
        self._trained: list[Counter[str]] = []
        self._labels: list[str] = []
        self._weights: Floats = np.empty((0, 0), np.float32)

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """Train on texts with one label each; raises ValueError with fewer than two labels."""
        self._labels = sorted(set(labels))
        if len(self._labels) < 2:
            raise ValueError("there is nothing to tell apart: give texts of two labels or more")
        self._trained = self._vectors.fit(texts)
        wanted = np.array([[label == one for one in self._labels] for label in labels], np.float32)
        self._weights = _solve(self._kernel(self._trained), wanted, self._strength)

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label of each text."""
        scores = self._kernel(self._vectors.counted(texts)) @ self._weights
        return [self._labels[at] for at in scores.argmax(axis=1)]

    def telling(self, label: str, most: int) -> list[str]:
        """The features that speak most for a label, the strongest first; those that speak against it are left out."""
        column = self._labels.index(label)
        lean = self._weights[:, column] - self._weights.mean(axis=1)
        weights = np.concatenate([block.T @ lean for [block] in self._vectors.blocks(self._trained)])
        names = self._vectors.names()
        return [names[at] for at in np.argsort(-weights, kind="stable")[:most] if weights[at] > 0]

    def _kernel(self, counted: Sequence[Counter[str]]) -> Floats:
        """How alike these texts and those of the training are, from 0 to 1."""
        total = np.zeros((len(counted), len(self._trained)), np.float32)
        for given, trained in self._vectors.blocks(counted, self._trained):
            total += given @ trained.T
        return total


def _solve(kernel: Floats, wanted: Floats, strength: float) -> Floats:
    """Weights of the training texts that minimise cross entropy + |w|² ÷ (2 strength), by accelerated descent."""
    step = np.float32(1 / (0.5 * _largest(kernel) + 1 / strength))
    weights = ahead = np.zeros_like(wanted)
    for turn in range(ITERATIONS):
        found = ahead - step * (_softmax(kernel @ ahead) - wanted + ahead / np.float32(strength))
        ahead = (found + np.float32(turn / (turn + 3)) * (found - weights)).astype(np.float32)
        weights = found.astype(np.float32)
    return weights


def _largest(kernel: Floats) -> float:
    """The largest eigenvalue, a little more than that."""
    vector = np.ones(len(kernel), np.float32)
    for _ in range(20):
        vector = (kernel @ vector).astype(np.float32)
        vector /= np.float32(np.linalg.norm(vector))
    return float(1.05 * np.linalg.norm(kernel @ vector))


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    share: Floats = raised / raised.sum(axis=1, keepdims=True)
    return share
