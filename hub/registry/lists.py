"""Lists that have saved views, and what can be done with rows that are ticked in them. Each app registers its own; a
view is the address of the list under a name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeAlias, TypeVar, cast
from uuid import UUID

from hub.registry.base import Registry

View = TypeVar("View", bound=Callable[..., Any])
Opening: TypeAlias = Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class ViewedList:
    """A list whose address can be kept.

    ``url_name`` is reversed with the tenant's slug; ``params`` are the names of its query string that a view keeps;
    ``check(params)`` says what is wrong with their values, "" when nothing is.
    """

    key: str
    title: str
    permission: str
    url_name: str
    params: Sequence[str]
    check: Callable[[Mapping[str, str]], str] = lambda params: ""
    order: int = 100

    def known(self, given: Mapping[str, str]) -> dict[str, str]:
        """Those of ``given`` that a view keeps, without empty ones."""
        return {name: given[name] for name in self.params if given.get(name)}


@dataclass(frozen=True, slots=True)
class AccountsAct:
    """What an app can do with the accounts that are ticked in their list.

    ``url_name`` is reversed with the tenant's slug and asked by GET with ``account`` for each of them; it is a page
    that says what will become of them.
    """

    key: str
    title: str
    icon: str
    permission: str
    url_name: str
    order: int = 100


accounts_acts: Registry[AccountsAct] = Registry("act on ticked accounts")
viewed_lists: Registry[ViewedList] = Registry("viewed list")
_openings: list[Opening] = []


def connect_opening(opening: Opening) -> None:
    """Add who is asked first: ``opening(request, list_key)`` gives the answer to a request for a list, or None."""
    _openings.append(opening)


def with_views(list_key: str) -> Callable[[View], View]:
    """Let a list open with the member's own view when nothing is asked for; `?view=` alone leads to all of it."""

    def decorate(view: View) -> View:
        @wraps(view)
        def opened(request: Any, *args: Any, **kwargs: Any) -> Any:
            answers = (opening(request, list_key) for opening in _openings)
            answer = next((answer for answer in answers if answer is not None), None)
            return view(request, *args, **kwargs) if answer is None else answer

        return cast(View, opened)

    return decorate


def ticked(texts: Sequence[str], most: int) -> list[UUID]:
    """The ids among the first ``most`` texts that a form of ticked rows sent, each once; what is none is left out."""
    found = []
    for text in texts[:most]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(found))
