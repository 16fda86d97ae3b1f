"""The icons that the front-end build took out of @tabler/icons (static/icons.txt names them)."""

from __future__ import annotations

import json
from functools import cache

from django.conf import settings


class UnknownIcon(LookupError):
    """An icon that the build has not put into the set."""


@cache
def _shapes() -> dict[str, str]:
    path = settings.BASE_DIR / "static" / "dist" / "icons.json"
    shapes: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return shapes


def icon_shapes(name: str) -> str:
    """The inner SVG of an icon on a 24 × 24 grid; raises UnknownIcon."""
    try:
        return _shapes()[name]
    except KeyError:
        raise UnknownIcon(f"no icon {name!r}: add it to static/icons.txt and run npm run build") from None
