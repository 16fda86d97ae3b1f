"""Language, sentiment and themes of a text, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.feedback.text.cleaning import MOST, clean, words
from hub.feedback.text.language import language_of
from hub.feedback.text.lexicon import SHIPPED
from hub.feedback.text.linear import LinearClassifier
from hub.feedback.text.reader import LexiconReader
from hub.feedback.text.sentiment import feeling_of, sentiment
from hub.feedback.text.themes import PhraseError, Theme, ThemeMatcher, phrases_of

READER = LexiconReader(SHIPPED)
SAMPLES = {
    "en": "I have been waiting for the export and it still does not work",
    "de": "Ich warte noch auf den Export und er geht nicht",
    "fr": "Je n'ai pas reçu la facture et le produit est lent",
    "es": "No puedo ver la factura y el producto es muy lento",
    "it": "Non vedo la fattura e il prodotto è molto lento",
    "nl": "Ik heb de factuur niet gezien en het product is erg traag",
    "pt": "Não vejo a fatura e o produto é muito lento",
    "ja": "請求書が届きません",
    "ko": "청구서를 받지 못했습니다",
}


@pytest.mark.parametrize("code", SAMPLES)
def test_a_sentence_is_told_by_its_language(code: str) -> None:
    assert language_of(words(clean(SAMPLES[code]))) == code
    assert (READER.read(SAMPLES[code]).sentiment is not None) is (code == "en")


@pytest.mark.parametrize("text", ["", "???", "12345", "xkcd qwertz", "Спасибо, всё хорошо", "Rechnung", "de la de la"])
def test_what_cannot_be_told_has_no_language_and_no_sentiment(text: str) -> None:
    reading = READER.read(text)
    assert (reading.language, reading.sentiment, reading.feeling) == ("", None, None)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("The team is great", "The team is not great"),
        ("This is very good", "This is good"),
        ("It is GREAT to use", "It is great to use"),
        ("I love it!!!", "I love it"),
        ("It is slow but I love it", "I love it but it is slow"),
        ("No complaints at all", "Many complaints"),
        ("That is good :)", "That is good :("),
        ("It is okay", "It is horrible"),
        ("Soooo gooood", "so-so"),
    ],
)
def test_the_more_pleased_of_two_texts_scores_higher(better: str, worse: str) -> None:
    assert sentiment(better) > sentiment(worse)


@given(st.text())
def test_any_text_is_read_within_its_scale(text: str) -> None:
    reading = READER.read(text)
    assert reading.sentiment is None or -1 <= reading.sentiment <= 1
    assert all(0 < sure <= 1 for sure in reading.themes.values())
    assert READER.read(text) == reading
    assert "\0" not in clean(text)


@given(st.floats(-1, 1))
def test_feelings_are_opposite_on_opposite_sides(score: float) -> None:
    opposite = {"positive": "negative", "negative": "positive", "neutral": "neutral"}
    assert feeling_of(-score) == opposite[feeling_of(score)]


def test_a_text_is_read_up_to_its_limit() -> None:
    assert "bug" in READER.read("a " * (MOST // 2 - 5) + "bug").themes
    assert "bug" not in READER.read("a " * (MOST // 2) + "bug").themes


@pytest.mark.parametrize(
    ("text", "theme"),
    [
        ("The dashboard crashes when I filter", "bug"),
        ("Pages take very long, everything is slow", "performance"),
        ("We were charged twice, please refund", "billing"),
        ("Is there a tutorial for new colleagues?", "onboarding"),
        ("The Salesforce sync stopped", "integrations"),
        ("It would be great if we could filter by owner", "missing_feature"),
        ("The menu is confusing", "usability"),
        ("Nobody answers, still waiting for your support team", "support"),
        ("How do I get an export of our data?", "security"),
        ("Too expensive for what it does", "pricing"),
        ("We are switching to a competitor", "leaving"),
    ],
)
def test_every_shipped_theme_is_found_in_a_plain_sentence(text: str, theme: str) -> None:
    assert theme in READER.read(text).themes


def test_there_is_a_sentence_for_every_shipped_theme() -> None:
    cases: tuple[str, ...] = tuple(
        mark.args[1][n][1]
        for mark in test_every_shipped_theme_is_found_in_a_plain_sentence.pytestmark  # type: ignore[attr-defined]
        for n in range(len(mark.args[1]))
    )
    assert sorted(cases) == sorted(theme.key for theme in SHIPPED)


WORD = st.text("abcdefghij", min_size=2, max_size=8)


@given(st.lists(WORD, min_size=1, max_size=4), st.lists(WORD, max_size=6), st.booleans())
def test_a_phrase_is_found_exactly_where_its_words_stand_together(
    phrase: list[str], around: list[str], inside: bool
) -> None:
    line = " ".join(phrase)
    matcher = ThemeMatcher([Theme("it", "It", phrases_of([line]))])
    text = " ".join([*around, line.upper(), *around] if inside else around)
    told = f" {' '.join(text.lower().split())} "
    assert ("it" in matcher.themes(text)) is (f" {line} " in told)


def test_more_phrases_make_a_theme_surer_and_the_same_one_twice_does_not() -> None:
    matcher = ThemeMatcher([Theme("bug", "Bugs", ("bug*", "crash*"))])
    once, twice, both = (matcher.themes(text)["bug"] for text in ("a bug", "bug, bug", "bugs and crashes"))
    assert once == twice < both < 1


@pytest.mark.parametrize("line", ["", "*", "a", "a*", "(bug", "b*g", "x" * 81, "bug|crash", "\0bug"])
def test_what_cannot_tell_a_theme_is_refused(line: str) -> None:
    with pytest.raises(PhraseError):
        phrases_of([line])


def test_readers_of_the_same_phrases_have_the_same_version_and_others_another() -> None:
    more = [*SHIPPED, Theme("own", "Own", ("robot",))]
    assert LexiconReader(SHIPPED).version == READER.version != LexiconReader(more).version


def test_a_classifier_learns_what_tells_texts_apart() -> None:
    texts = [f"{what} number {n}" for n in range(20) for what in ("invoice overdue", "login blocked")]
    labels = ["billing" if text.startswith("invoice") else "access" for text in texts]
    classifier = LinearClassifier()
    classifier.fit(texts, labels)
    assert classifier.predict(["my invoice", "overdue payment", "blocked again"]) == ["billing", "billing", "access"]
    assert set(classifier.telling("billing", 3)) == {"invoice", "overdue", "invoice overdue"}
    pieces = LinearClassifier(pieces=(3, 4), damped=True, strength=10)
    pieces.fit(texts, labels)
    # A word that it never saw shares pieces with one that it did.
    assert pieces.predict(["invoicing", "blockade"]) == ["billing", "access"]


def test_one_label_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match="two labels"):
        LinearClassifier().fit(["a b", "c d"], ["x", "x"])


@pytest.mark.parametrize("text", ["Problem Export", "Excellent", "Terrible horrible"])
def test_words_that_languages_share_do_not_make_a_text_english(text: str) -> None:
    assert READER.read(text).language == ""
