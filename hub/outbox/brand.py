"""The look of a tenant's mail: colours that can be read, sender, footer. Pure.

Kept in ``Tenant.brand_color`` and ``Tenant.settings["brand"]``: ``sender_name``, ``reply_to``, ``footer`` (the postal
address that the law asks for), ``logo_url``, ``track_clicks`` (true).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

DEFAULT_COLOR: Final = "#2347c5"
WHITE, DARK_PAGE, INK = "#ffffff", "#16191f", "#1f2733"
ENOUGH: Final = 4.5
"""The contrast that WCAG 2 asks of text of normal size."""
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}\Z")


class BrandError(ValueError):
    """A brand kit that cannot be used."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What the frame of a mail needs to know of its sender."""

    name: str
    sender_name: str = ""
    reply_to: str = ""
    footer: str = ""
    logo_url: str = ""
    color: str = DEFAULT_COLOR

    @property
    def sender(self) -> str:
        return self.sender_name or self.name

    @property
    def button(self) -> str:
        """The brand's colour, as the ground of white words."""
        return readable(self.color, WHITE)

    @property
    def link_dark(self) -> str:
        """The brand's colour as words on a dark page."""
        return readable(self.color, DARK_PAGE)


def kit_of(name: str, color: str, settings: Mapping[str, Any]) -> Kit:
    """The kit of a tenant, from what it has stored; what is missing has a default."""
    raw: Mapping[str, Any] = settings.get("brand") or {}
    return Kit(
        name=name,
        sender_name=str(raw.get("sender_name") or ""),
        reply_to=str(raw.get("reply_to") or ""),
        footer=str(raw.get("footer") or ""),
        logo_url=str(raw.get("logo_url") or ""),
        color=color if is_color(color) else DEFAULT_COLOR,
    )


def is_color(text: str) -> bool:
    return bool(_COLOR.match(text))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 reckons it, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@lru_cache(maxsize=512)
def readable(color: str, ground: str) -> str:
    """The colour itself where it can be read on `ground`, else the nearest darker or lighter one that can."""
    if contrast(color, ground) >= ENOUGH:
        return color.lower()
    towards = 0 if _luminance(ground) > 0.18 else 255
    for step in range(1, 101):
        mixed = _mixed(color, towards, step / 100)
        if contrast(mixed, ground) >= ENOUGH:
            return mixed
    return "#000000" if towards == 0 else WHITE


def _mixed(color: str, towards: int, share: float) -> str:
    return "#" + "".join(f"{round(part + (towards - part) * share):02x}" for part in _parts(color))


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


_PICTURES: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
LARGEST_LOGO: Final = 200_000


def picture_type(content: bytes) -> str:
    """The media type of a picture by its first bytes. Raises BrandError for others: an SVG can hold scripts."""
    if len(content) > LARGEST_LOGO:
        raise BrandError(f"the logo is larger than {LARGEST_LOGO // 1000} KB")
    for start, kind in _PICTURES.items():
        if content.startswith(start):
            return kind
    raise BrandError("the logo must be a PNG, JPEG or GIF")
