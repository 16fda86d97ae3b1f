"""Lists that have saved views. Each app registers its own; a view is the address of the list under a name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hub.registry.base import Registry


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


viewed_lists: Registry[ViewedList] = Registry("viewed list")
