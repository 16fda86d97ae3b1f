"""The one ordered, keyed registry that the five kinds are made of."""

from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar


class RegistryError(Exception):
    """A registration that cannot stand: a duplicate key or an invalid item."""


class NotRegistered(RegistryError, LookupError):
    """Nothing is registered under the key that was asked for."""


class Item(Protocol):
    """What a registry holds: something with a key and a place in the order."""

    @property
    def key(self) -> str: ...

    @property
    def order(self) -> int: ...


T = TypeVar("T", bound=Item)


class Registry(Generic[T]):
    """Items by key, iterated by ``(order, key)`` so that start-up order never shows."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}
        self._sorted: tuple[T, ...] | None = None

    def register(self, item: T) -> T:
        """Add an item and hand it back; raises RegistryError when its key is taken."""
        if item.key in self._items:
            raise RegistryError(f"{self.kind} {item.key!r} is registered twice")
        self._items[item.key] = item
        self._sorted = None
        return item

    def get(self, key: str) -> T:
        """The item under ``key``; raises NotRegistered."""
        try:
            return self._items[key]
        except KeyError:
            raise NotRegistered(f"no {self.kind} {key!r}; known: {', '.join(sorted(self._items))}") from None

    def as_mapping(self) -> Mapping[str, T]:
        """Key → item, in registry order."""
        return {item.key: item for item in self}

    def __iter__(self) -> Iterator[T]:
        if self._sorted is None:
            self._sorted = tuple(sorted(self._items.values(), key=lambda item: (item.order, item.key)))
        return iter(self._sorted)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items
