"""A happening as a message of Slack: ``{"text": …}``, in which nothing can become a mention or a disguised link. Pure.

Source: Slack's incoming webhooks and the three characters that its messages escape.
"""

from __future__ import annotations

import json
from typing import Any, Final

LONGEST: Final = 4_000
_ESCAPES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


def slack_body(body: str) -> str:
    """The body of the call, from the body of the event as it is stored."""
    told = json.loads(body)
    text = _text(told["type"], told.get("data") or {})
    return json.dumps({"text": text[:LONGEST].translate(_ESCAPES)}, ensure_ascii=False, separators=(",", ":"))


def _text(kind: str, data: dict[str, Any]) -> str:
    said = next((str(data[name]) for name in ("text", "sentence", "message") if data.get(name)), "")
    if said:
        return said
    words = [kind, *(str(data[name]) for name in ("account_name", "title", "reason") if data.get(name))]
    return " · ".join(words)
