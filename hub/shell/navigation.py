"""The staff navigation: what the apps have registered and the member's role may open."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from hub.people.permissions import allowed
from hub.registry.panels import NavItem, nav_items

# From here on an item belongs to the set-up of the tenant, below the daily work.
SET_UP_ORDER = 80


@dataclass(frozen=True, slots=True)
class NavLink:
    """An entry as the template shows it."""

    key: str
    title: str
    url: str
    icon: str
    current: bool
    waiting: str = ""
    told: str = ""
    """`waiting` is how much waits there, as short as can be; `told` says it in words."""
    what: str = ""


@dataclass(frozen=True, slots=True)
class Navigation:
    """Links of the daily work, and links of the set-up."""

    daily: list[NavLink]
    set_up: list[NavLink]


def navigation(*, slug: str, role: str, path: str, counted: bool = False) -> Navigation:
    """The links that ``role`` may open at the tenant ``slug``; the longest URL that ``path`` lies under is current.

    ``counted`` asks what waits there, too: in the tenant's context, one query for each entry that tells it.
    """
    items = [item for item in nav_items if allowed(role, item.permission)]
    urls = {item.key: url for item in items if (url := _url(item.url_name, slug))}
    home = _url("shell:today", slug)
    pages = [(url, key) for key, url in urls.items()]
    pages += [(home + part, item.key) for item in items if item.key in urls for part in item.covers]
    _, current = max(((url, key) for url, key in pages if path.startswith(url)), key=_length, default=("", ""))

    def links(*, set_up: bool) -> list[NavLink]:
        shown = (item for item in items if item.key in urls)
        return [
            _link(item, urls, current, _waiting(item, role) if counted else ("", ""))
            for item in shown
            if (item.order >= SET_UP_ORDER) is set_up
        ]

    return Navigation(daily=links(set_up=False), set_up=links(set_up=True))


def _length(page: tuple[str, str]) -> int:
    return len(page[0])


def _url(name: str, slug: str) -> str:
    # An app may be installed without its pages; the pages of the others must not fail for that.
    try:
        return reverse(name, kwargs={"tenant": slug})
    except NoReverseMatch:
        return ""


def _link(item: NavItem, urls: dict[str, str], current: str, waits: tuple[str, str]) -> NavLink:
    waiting, told = waits
    return NavLink(
        key=item.key,
        title=item.title,
        url=urls[item.key],
        icon=item.icon or "circle",
        current=item.key == current,
        waiting=waiting,
        told=told,
        what=item.what,
    )


def _waiting(item: NavItem, role: str) -> tuple[str, str]:
    if item.waiting is None or not allowed(role, item.waiting.permission) or not (count := item.waiting.count()):
        return "", ""
    if count > item.waiting.most:
        return f"{item.waiting.most}+", f"more than {item.waiting.most} {item.waiting.words}"
    return str(count), f"{count} {item.waiting.words}"
