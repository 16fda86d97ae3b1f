"""How well and how fast texts are read: sentiment beside people's ratings, labels beside a plain classifier.

Reads ``sentiment-icwsm2014-tweets`` (4,200 tweets with mean human ratings) and ``banking77`` (3,080 questions, 77
intents) below SAMPLE_DATA; what is not there is left out. A limit is what others publish, or what the plain classifier
reaches.
"""

from __future__ import annotations

import csv
import html
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from bench.database import database
from bench.result import Result, result
from hub.feedback.text.cleaning import clean
from hub.feedback.text.lexicon import SHIPPED
from hub.feedback.text.linear import LinearClassifier
from hub.feedback.text.reader import LexiconReader
from hub.feedback.text.sentiment import feeling_of, sentiment

FOLDS: Final = 5
# VADER on the same tweets, as its authors publish (Hutto and Gilbert 2014).
VADER_CORRELATION, VADER_F1 = 0.881, 0.96


def measure(scale: float) -> list[Result]:
    """`scale` takes that share of the questions and of the queue's texts; the tweets are always all."""
    data = Path(os.environ.get("SAMPLE_DATA") or "../shared/data")
    found: list[Result] = []
    if (tweets := data / "sentiment-icwsm2014-tweets" / "tweets_GroundTruth.txt").is_file():
        found += _tweets([line.split("\t", 2) for line in tweets.read_text(encoding="utf-8").splitlines()])
    if (questions := data / "banking77" / "test.csv").is_file():
        with questions.open(encoding="utf-8", newline="") as file:
            rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
        found += _banking(rows[: max(1, round(len(rows) * scale))] if scale < 1 else rows)
    with database():
        return [*found, _queue(round(10_000 * scale))]


def _queue(count: int) -> Result:
    """Tickets of a tenant that the queue reads, from the first to the last stored reading."""
    from django.utils import timezone

    from hub.accounts.models import Account
    from hub.feedback import reading
    from hub.feedback.models import ReadText, Ticket
    from hub.tenancy.context import tenant_context
    from hub.tenancy.models import Tenant

    tenant = Tenant.objects.create(slug="texts", name="texts")
    with tenant_context(tenant):
        accounts = Account.objects.bulk_create([Account(name=f"A{n}") for n in range(max(1, count // 10))])
        Ticket.objects.bulk_create(
            [
                Ticket(
                    account=accounts[n % len(accounts)],
                    source="bench",
                    external_id=str(n),
                    subject=f"The export number {n} is slow and fails with an error, we are not happy",
                    opened_at=timezone.now(),
                )
                for n in range(count)
            ],
            batch_size=5_000,
        )
    begun = time.perf_counter()
    reading.drain(tenant.pk)
    took = time.perf_counter() - begun
    with tenant_context(tenant):
        return result("queue", "texts/s", ReadText.objects.count() / took)


def _tweets(rows: Sequence[Sequence[str]]) -> list[Result]:
    texts, ratings = [html.unescape(row[2]) for row in rows], [float(row[1]) for row in rows]
    begun = time.perf_counter()
    scores = [sentiment(clean(text)) for text in texts]
    reader = LexiconReader(SHIPPED)
    felt = time.perf_counter() - begun
    begun = time.perf_counter()
    readings = [reader.read(text) for text in texts]
    whole = time.perf_counter() - begun
    correlation = float(np.corrcoef(ratings, scores)[0, 1])
    people = ["positive" if rating > 0 else "negative" if rating < 0 else "neutral" for rating in ratings]
    ours = [str(feeling_of(score)) for score in scores]
    unread = sum(reading.sentiment is None for reading in readings)
    return [
        result("tweets correlation", "r", correlation, limit=VADER_CORRELATION, rows=len(rows), unread=unread),
        result("tweets weighted F1", "F1", _weighted_f1(people, ours), limit=VADER_F1),
        result("sentiment alone", "texts/s", len(rows) / felt),
        result("reader in whole", "texts/s", len(rows) / whole),
    ]


def _weighted_f1(wanted: Sequence[str], found: Sequence[str]) -> float:
    """F1 of each class, weighted by how often people chose it."""
    total = 0.0
    for label in sorted(set(wanted)):
        right = sum(a == b == label for a, b in zip(wanted, found, strict=True))
        total += wanted.count(label) * 2 * right / (wanted.count(label) + found.count(label))
    return total / len(wanted)


def _banking(rows: Sequence[tuple[str, str]]) -> list[Result]:
    """Five folds, each with the same share of every intent; both classifiers see the same ones."""
    folds = _folds([label for _, label in rows])
    plain = _accuracy(rows, folds, LinearClassifier())
    ours = _accuracy(rows, folds, LinearClassifier(pieces=(2, 3, 4, 5), damped=True, strength=10))
    return [
        result(
            "banking77 accuracy", "share", ours, limit=plain, rows=len(rows), limit_is="TF-IDF of words and pairs, C=1"
        )
    ]


def _folds(labels: Sequence[str]) -> list[int]:
    seen: dict[str, int] = {}
    folds = []
    for label in labels:
        folds.append(seen.get(label, 0) % FOLDS)
        seen[label] = seen.get(label, 0) + 1
    return folds


def _accuracy(rows: Sequence[tuple[str, str]], folds: Sequence[int], classifier: LinearClassifier) -> float:
    right = 0
    for fold in range(FOLDS):
        train = [row for row, at in zip(rows, folds, strict=True) if at != fold]
        test = [row for row, at in zip(rows, folds, strict=True) if at == fold]
        classifier.fit([text for text, _ in train], [label for _, label in train])
        guesses = classifier.predict([text for text, _ in test])
        right += sum(guess == label for guess, (_, label) in zip(guesses, test, strict=True))
    return right / len(rows)
