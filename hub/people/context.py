from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def surface(request: HttpRequest) -> dict[str, Any]:
    """Template context of every page: the tenant and the membership when the request belongs to one."""
    return {
        "tenant": getattr(request, "tenant", None),
        "membership": getattr(request, "membership", None),
    }
