"""Which arm an account gets: by hash alone, or by permuted blocks within strata. Pure.

By hash: ``int(sha256(salt:account)) % 10000`` is the account's place; arms take the places from 0 on by their shares.
In strata: the accounts of a stratum fill blocks in the order in which they come; each block holds every arm in exact
proportion, in an order that the salt decides (permuted-block randomisation, Zelen, J Chronic Dis 1974;27:365-375).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from math import gcd
from typing import Final
from uuid import UUID

PLACES: Final = 10_000
LEAST_BLOCK: Final = 4


def place_of(salt: str, account_id: UUID) -> int:
    """The account's place, 0 to 9999; the same for ever under the same salt."""
    return int(sha256(f"{salt}:{account_id}".encode()).hexdigest(), 16) % PLACES


def arm_at(place: int, weights: Sequence[int]) -> int:
    """The index of the arm at a place; `weights` are percents that add up to 100."""
    end = 0
    for index, weight in enumerate(weights):
        end += weight * PLACES // 100
        if place < end:
            return index
    raise ValueError(f"no arm at {place} of {weights}")


def block_of(weights: Sequence[int]) -> list[int]:
    """The arms of one block: the smallest in which every share is exact, of at least four places."""
    unit = gcd(*weights)
    block = [index for index, weight in enumerate(weights) for _ in range(weight // unit)]
    return block * -(-LEAST_BLOCK // len(block))


def arm_in_stratum(salt: str, stratum: str, position: int, weights: Sequence[int]) -> int:
    """The arm of the account that comes to a stratum after ``position`` others."""
    size = len(block_of(weights))
    number, place = divmod(position, size)
    return _permuted(f"{salt}:{stratum}:{number}", tuple(weights))[place]


@lru_cache(maxsize=4096)
def _permuted(salt: str, weights: tuple[int, ...]) -> list[int]:
    block = block_of(weights)
    order = sorted(range(len(block)), key=lambda place: sha256(f"{salt}:{place}".encode()).digest())
    return [block[place] for place in order]


def band_of(amount: int, edges: Sequence[int]) -> str:
    """The band of an amount: lower bound inclusive, upper exclusive."""
    return f"band {sum(amount >= edge for edge in edges)}"
