"""Links of messages that can be counted: where they lead is never in the address, and what looks like a machine. Pure.

A tracked address carries a signed message id and the place of a link; the target is read from the message as it is
stored, so no address of ours leads anywhere that a message did not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape
from typing import Final

_LINK: Final = re.compile(r'(<a\b[^>]*?\shref=")(https?://[^"]*)(")', re.I)
MOST_LINKS: Final = 200
_SCANNERS: Final = re.compile(
    r"bot\b|bot/|crawl|spider|preview|scan|barracuda|mimecast|proofpoint|safelinks|symantec|forcepoint|trendmicro"
    r"|fireeye|sophos|cisco|ironport|headless|phantom|python|curl|wget|go-http|java/|okhttp|libwww|httpclient|node-fetch",
    re.I,
)
BURST: Final = "burst"
WEIGHTS: Final = {"head": 100, "scanner": 90, "no_agent": 60, "at_once": 70, "fast": 40, BURST: 80}
BURST_LINKS: Final = 3
BURST_SECONDS: Final = 10


def links_of(html: str) -> list[str]:
    """The web addresses that a sanitised message links to, in order, repeats included."""
    return [unescape(match[2]) for match in _LINK.finditer(html)][:MOST_LINKS]


def tracked(html: str, address: Callable[[int], str]) -> str:
    """The message with each web address replaced by ``address(place)``; mail addresses and pictures stay."""
    places = iter(range(MOST_LINKS))

    def replace(match: re.Match[str]) -> str:
        place = next(places, None)
        return match[0] if place is None else f"{match[1]}{escape(address(place))}{match[3]}"

    return _LINK.sub(replace, html)


def signs_of(*, method: str, agent: str, seconds_after: float | None) -> list[str]:
    """What speaks for a machine in a single request."""
    signs = []
    if method == "HEAD":
        signs.append("head")
    if not agent.strip():
        signs.append("no_agent")
    elif _SCANNERS.search(agent):
        signs.append("scanner")
    if seconds_after is not None and seconds_after < 2:
        signs.append("at_once")
    elif seconds_after is not None and seconds_after < 10:
        signs.append("fast")
    return signs


def score_of(signs: list[str]) -> int:
    """0 to 100: each sign takes its share of what is left of the doubt."""
    doubt = 1.0
    for sign in set(signs):
        doubt *= 1 - WEIGHTS[sign] / 100
    return round((1 - doubt) * 100)
