"""Panels: what an app shows on pages it does not own, and the customer's one next step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hub.registry.base import Registry

# The registry lies below Django and below the models, so the objects that pass through it
# are typed by those who register and by those who render.
Request: TypeAlias = Any
Account: TypeAlias = Any
Contact: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class AccountPanel:
    """A panel of the account page. ``render`` gives safe HTML, or None to show nothing.

    ``beside`` puts it into the narrow column, under the timeline.
    """

    key: str
    title: str
    order: int
    permission: str
    render: Callable[[Request, Account], str | None]
    beside: bool = False


@dataclass(frozen=True, slots=True)
class ContactPanel:
    """What an app tells about a contact on the page of the person. ``render`` gives safe HTML, or None."""

    key: str
    title: str
    order: int
    permission: str
    render: Callable[[Request, Contact], str | None]


@dataclass(frozen=True, slots=True)
class Banner:
    """A line above every staff page while something is out of the ordinary; ``render`` gives safe HTML, or None.

    Every page asks, so it must cost little.
    """

    key: str
    order: int
    permission: str
    render: Callable[[Request], str | None]


@dataclass(frozen=True, slots=True)
class TodayPanel:
    """A panel of the staff's Today page. ``render`` gives safe HTML, or None."""

    key: str
    title: str
    order: int
    permission: str
    render: Callable[[Request], str | None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A number beside an entry of the navigation: ``count()``, told as ``words`` such as "open conflicts".

    What is more than ``most`` is told as "more than".
    """

    count: Callable[[], int]
    words: str
    permission: str
    most: int = 99


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the staff navigation; ``url_name`` is reversed with the tenant's slug.

    ``covers`` are the beginnings of other addresses below the tenant's whose pages belong to it, such as ``people/``.
    ``waiting`` is what waits there for those with its permission; every page of theirs asks, so it must cost little.
    ``what`` says in a sentence what it is for; the page of help shows it.
    """

    key: str
    title: str
    order: int
    permission: str
    url_name: str
    icon: str = ""
    covers: Sequence[str] = ()
    waiting: Waiting | None = None
    what: str = ""


@dataclass(frozen=True, slots=True)
class HubSection:
    """A section of the customer's hub; ``url_name`` is its own page, if it has one."""

    key: str
    title: str
    order: int
    render: Callable[[Request, Account, Contact], str | None]
    url_name: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What a contact should do next. A lower ``priority`` number comes first."""

    priority: int
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class NextStepProvider:
    """An app's proposal for a contact's next step, or None when it has none."""

    key: str
    propose: Callable[[Account, Contact], NextStep | None]
    order: int = 100


account_panels: Registry[AccountPanel] = Registry("account panel")
account_stats: Registry[AccountPanel] = Registry("figure of an account's header")
"""Figures above the panels of the account page: each renders one figure of its row."""
contact_panels: Registry[ContactPanel] = Registry("contact panel")
banners: Registry[Banner] = Registry("banner")
today_panels: Registry[TodayPanel] = Registry("today panel")
nav_items: Registry[NavItem] = Registry("navigation item")
hub_sections: Registry[HubSection] = Registry("hub section")
next_steps: Registry[NextStepProvider] = Registry("next step provider")


def next_step(account: Account, contact: Contact) -> NextStep | None:
    """The first proposal by (priority, provider order), or None when nobody proposes."""
    proposals = (provider.propose(account, contact) for provider in next_steps)
    return min((p for p in proposals if p is not None), key=lambda p: p.priority, default=None)
