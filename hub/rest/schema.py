"""Hooks of the OpenAPI generator."""

from __future__ import annotations

from typing import Any


def without_final_slash(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Name each address once, without the slash that it also answers to."""
    result["paths"] = {path.rstrip("/"): operations for path, operations in result["paths"].items()}
    return result
