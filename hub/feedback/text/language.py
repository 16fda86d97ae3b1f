"""Which language a text is in, told by the small words that every sentence of a language needs.

What cannot be told is "": a text too short, in two languages at once, or in one that is not known here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

UNKNOWN: Final = ""
# Of the letters, this share in another script than Latin makes a text not a Latin one.
FOREIGN: Final = 0.3
SCRIPTS: Final[Mapping[str, str]] = {"HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "GREEK": "el", "THAI": "th"}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SMALL_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "en": _set(
        """
        the a an and or of to is are was were be been am i i'm i'd i've i'll you your we we're we've our
        it it's its this that that's these those there they he she my me with for from on at by as not
        don't doesn't didn't can't cannot won't isn't wasn't have has had having do does did can could
        will would should what when where why how who which if then than so but because about into out
        up down all any some no more very too just only also please thanks thank need get got make made
        use using used work works working help support still after before every been really again never
        always
        """
    ),
    "de": _set(
        """
        der die das den dem des ein eine einen einem einer und oder aber nicht kein keine ich du er sie
        es wir ihr mein meine unser unsere ist sind war waren bin habe haben hat hatte wird werden wurde
        kann können mit von für auf aus bei nach zu zum zur im am an in dass wenn weil wie was wo wer
        auch noch nur schon sehr mehr immer bitte danke uns mir mich sich gut alles
        """
    ),
    "fr": _set(
        """
        le la les un une des du de et ou mais ne pas je tu il elle nous vous ils elles mon ma mes notre
        nos votre est sont était ai as a avons avez ont avec pour dans sur par au aux ce cette ces que
        qui quoi quand comment où plus très bien merci c'est n'est j'ai d'un d'une qu'il l'on tout
        toujours aussi
        """
    ),
    "es": _set(
        """
        el la los las un una unos y o pero no de del al en con por para que qué como cuando donde yo tú
        él ella nosotros mi mis nuestro nuestra su sus es son está están era fue ha he han hay muy más
        también ya se lo le me nos gracias todo siempre bien este esta
        """
    ),
    "it": _set(
        """
        il lo la i gli le un uno una e o ma non di del della dei al alla in con per da su che chi come
        quando dove io noi voi mio mia nostro nostra è sono era ho hai ha abbiamo hanno molto più anche
        già si ci mi grazie tutto sempre bene questo questa
        """
    ),
    "nl": _set(
        """
        de het een en of maar niet geen ik jij hij zij wij we jullie mijn ons onze is zijn was waren heb
        hebben heeft had wordt worden kan kunnen met van voor op uit bij naar te in dat als omdat hoe
        wat waar wie ook nog alleen al zeer meer altijd bedankt goed dit deze er
        """
    ),
    "pt": _set(
        """
        o a os as um uma e ou mas não de do da dos das ao em no na com por para que como quando onde eu
        nós ele ela meu minha nosso nossa é são está estão foi era tem têm muito mais também já se lhe
        me nos obrigado obrigada tudo sempre bem este esta
        """
    ),
}


def language_of(words: Sequence[str], known: frozenset[str] = frozenset()) -> str:
    """The ISO 639-1 code of the words' language, or `UNKNOWN`.

    `known` are words that are English too; they decide only where the small words leave nothing to choose.
    """
    letters = "".join(words)
    if not letters:
        return UNKNOWN
    if foreign := _script(letters):
        return SCRIPTS.get(foreign, UNKNOWN)
    lower = [word.lower() for word in words]
    counts = {code: sum(word in small for word in lower) for code, small in SMALL_WORDS.items()}
    best, *others = sorted(counts, key=lambda code: -counts[code])
    if counts[best] > counts[others[0]] and 10 * counts[best] >= len(lower):
        return best
    plain = sum(word in known for word in lower)
    return "en" if plain and counts["en"] == counts[best] and 4 * plain >= len(lower) else UNKNOWN


def _script(letters: str) -> str:
    """The script that most letters beyond Latin belong to, "" for a Latin text."""
    if letters.isascii():
        return ""
    scripts = [unicodedata.name(c, "UNKNOWN").split()[0] for c in letters[:500]]
    foreign = [script for script in scripts if script != "LATIN"]
    if len(foreign) < FOREIGN * len(scripts):
        return ""
    # Japanese mixes its own scripts with Chinese characters.
    for script in ("HIRAGANA", "KATAKANA"):
        if script in foreign:
            return script
    return max(sorted(set(foreign)), key=foreign.count)
