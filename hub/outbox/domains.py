"""Whether a sending domain says that mail from here is its own: SPF, DKIM and DMARC, as receivers look them up.

Pure but for the look-up, which is given: ``lookup(name)`` returns the TXT texts of a name, [] when there are none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

Lookup: TypeAlias = Callable[[str], list[str]]
DOMAIN: Final = re.compile(r"(?=.{4,253}\Z)([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\Z")
SELECTOR: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?\Z", re.I)
MOST_LOOKUPS: Final = 10
"""RFC 7208: an SPF record that needs more is an error to every receiver."""


class LookupFailed(Exception):
    """The name server did not answer, which says nothing about the domain."""


@dataclass(frozen=True, slots=True)
class Check:
    """One record: `state` is ok, warning, missing, wrong or unknown; `put` is what to put at `name`, when anything."""

    key: str
    title: str
    name: str
    state: str
    text: str
    found: str = ""
    put: str = ""


def domain_checks(
    domain: str, lookup: Lookup, *, selector: str = "", include: str = "", report_to: str = ""
) -> list[Check]:
    """SPF, DKIM and DMARC of a domain. `include` is the mail provider's SPF name, `selector` that of its DKIM key."""
    return [
        _safely("spf", "SPF", domain, lambda: _spf(domain, lookup, include)),
        _dkim_of(domain, lookup, selector),
        _safely("dmarc", "DMARC", f"_dmarc.{domain}", lambda: _dmarc(domain, lookup, report_to)),
    ]


def _safely(key: str, title: str, name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except LookupFailed as error:
        return Check(key, title, name, "unknown", f"The name server did not answer ({error}). Try again later.")


# --- SPF ----------------------------------------------------------------------------------------------------------


def _spf(domain: str, lookup: Lookup, include: str) -> Check:
    wanted = f"v=spf1 include:{include or 'the name that your mail provider gives'} ~all"
    records = [text for text in lookup(domain) if text.lower().split(" ")[0] == "v=spf1"]

    def say(state: str, text: str, put: str = "") -> Check:
        return Check("spf", "SPF", domain, state, text, " | ".join(records), put)

    if not records:
        return say("missing", "Nothing says who may send for this domain.", wanted)
    if len(records) > 1:
        return say("wrong", "There are two records; receivers then believe neither. Make them one.", wanted)
    terms = records[0].lower().split()[1:]
    if include and f"include:{include.lower()}" not in [term.lstrip("+") for term in terms]:
        more = " ".join(["v=spf1", f"include:{include}", *records[0].split()[1:]])
        return say("wrong", f"{include} is not among those who may send.", more)
    if any(term in ("all", "+all") for term in terms):
        return say("wrong", "It lets everybody send for this domain (+all).", records[0].replace("+all", "~all"))
    if sum(term.lstrip("+-~?").startswith(_LOOKING) for term in terms) > MOST_LOOKUPS:
        return say("wrong", f"It needs more than {MOST_LOOKUPS} look-ups; receivers give up.")
    if not any(term.endswith("all") or term.startswith("redirect=") for term in terms):
        return say("warning", "It does not say what to do with others: end it with ~all or -all.", f"{records[0]} ~all")
    return say("ok", "It says who may send for this domain.")


_LOOKING: Final = ("include:", "a:", "a/", "mx", "exists:", "redirect=", "ptr")


# --- DKIM ---------------------------------------------------------------------------------------------------------


def _dkim_of(domain: str, lookup: Lookup, selector: str) -> Check:
    name = f"{selector or '<selector>'}._domainkey.{domain}"
    if not selector:
        text = "Say which selector your mail provider signs with; it names the record that receivers look up."
        return Check("dkim", "DKIM", name, "unknown", text)
    return _safely("dkim", "DKIM", name, lambda: _dkim(name, lookup))


def _dkim(name: str, lookup: Lookup) -> Check:
    records = lookup(name)
    found = " | ".join(records)
    keys = [_tags(text) for text in records]
    keys = [tags for tags in keys if "p" in tags]
    put = "the key that your mail provider shows: v=DKIM1; k=rsa; p=…"
    if not keys:
        return Check("dkim", "DKIM", name, "missing", "There is no key under this selector.", found, put)
    key = keys[0]["p"].replace(" ", "")
    if not key:
        return Check("dkim", "DKIM", name, "wrong", "The key is withdrawn (p is empty).", found, put)
    if not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", key):
        return Check("dkim", "DKIM", name, "wrong", "The key is damaged: it is not base64.", found, put)
    if keys[0].get("k", "rsa") == "rsa" and len(key) < _RSA_1024:
        return Check("dkim", "DKIM", name, "wrong", "The key is shorter than 1024 bits: refused.", found, put)
    if "y" in keys[0].get("t", "").split(":"):
        text = "The key is marked as a test (t=y): receivers may ignore it."
        return Check("dkim", "DKIM", name, "warning", text, found)
    return Check("dkim", "DKIM", name, "ok", "Receivers can check the signature.", found)


# A public key of 1024 bits is 162 bytes, 216 letters.
_RSA_1024: Final = 210


# --- DMARC --------------------------------------------------------------------------------------------------------


def _dmarc(domain: str, lookup: Lookup, report_to: str) -> Check:
    name = f"_dmarc.{domain}"
    put = "v=DMARC1; p=none" + (f"; rua=mailto:{report_to}" if report_to else "")
    records = [text for text in lookup(name) if text.replace(" ", "").lower().startswith("v=dmarc1")]
    parents = domain.split(".")[1:]
    if not records and len(parents) > 1:
        # A domain without a record of its own is judged by that of its organisation.
        name = f"_dmarc.{'.'.join(parents[-2:])}"
        records = [text for text in lookup(name) if text.replace(" ", "").lower().startswith("v=dmarc1")]
    found = " | ".join(records)
    if not records:
        text = "Large receivers refuse bulk mail from domains without it."
        return Check("dmarc", "DMARC", f"_dmarc.{domain}", "missing", text, "", put)
    if len(records) > 1:
        return Check("dmarc", "DMARC", name, "wrong", "There are two records; receivers then believe neither.", found)
    policy = _tags(records[0]).get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        text = "It has no policy: p must be none, quarantine or reject."
        return Check("dmarc", "DMARC", name, "wrong", text, found, put)
    if policy == "none":
        text = "It only watches (p=none). Enough for large receivers; quarantine keeps others from using your name."
        return Check("dmarc", "DMARC", name, "ok", text, found)
    return Check("dmarc", "DMARC", name, "ok", f"Mail that is not yours is to be treated as such (p={policy}).", found)


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}
