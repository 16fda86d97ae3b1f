"""The frame around a message: a responsive layout in MJML, compiled once for each look, with styles in the tags.

The content is sanitised HTML of ours; it is put in after compiling, so nothing of it is ever read as MJML.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from django.template.loader import render_to_string
from django.utils.html import escape, format_html
from mjml import mjml2html

from hub.outbox.brand import Kit

_HOLE: Final = re.compile(r"@@(LANG|SUBJECT|CONTENT|FOOT)@@")
_PLAIN_TAG: Final = re.compile(r"<(h1|h2|h3|h4|p|ul|ol|a|img|blockquote)(?=[ >])")
_BUTTON: Final = re.compile(r'<h2 style="[^"]*">\s*<a style="[^"]*"')


def framed(kit: Kit, *, subject: str, html: str, foot: str = "", lang: str = "en") -> str:
    """A whole HTML document; `html` is sanitised, `foot` is safe HTML, the rest is escaped here."""
    values = {"LANG": escape(lang), "SUBJECT": escape(subject), "CONTENT": styled(html, kit), "FOOT": foot or "&nbsp;"}
    # Every second piece is the name of a hole.
    pieces = _compiled(kit)
    return "".join(values[piece] if n % 2 else piece for n, piece in enumerate(pieces))


@lru_cache(maxsize=512)
def _compiled(kit: Kit) -> tuple[str, ...]:
    return tuple(_HOLE.split(str(mjml2html(render_to_string("outbox/frame.mjml", {"kit": kit})))))


def foot_of(kit: Kit, *, unsubscribe: str, preferences: str) -> str:
    """What stands under a message: why it came and the way out, for marketing; the sender's address, always."""
    parts = []
    if unsubscribe:
        parts.append(format_html("{} sends you this because you use the product.", kit.sender))
        links = format_html('<a href="{}" style="color:#566071">Unsubscribe</a>', unsubscribe)
        if preferences:
            links += format_html(' · <a href="{}" style="color:#566071">Choose what you hear about</a>', preferences)
        parts.append(links)
    parts += [format_html("{}", line) for line in kit.footer.splitlines() if line.strip()]
    return "<br>".join(parts)


def styled(html: str, kit: Kit) -> str:
    """Sanitised HTML with the styles that mail programs read only in the tag; a link in a heading is a button."""
    styles = {
        **dict.fromkeys(("h1", "h2", "h3", "h4"), "line-height:1.25;margin:0 0 12px"),
        **dict.fromkeys(("p", "ul", "ol"), "margin:0 0 14px"),
        "a": f"color:{kit.button}",
        "img": "max-width:100%;height:auto",
        "blockquote": "margin:0 0 14px;padding-left:12px;border-left:3px solid #e2e6ec",
    }
    plain = _PLAIN_TAG.sub(lambda tag: f'<{tag[1]} style="{styles[tag[1]]}"', html)
    button = (
        f'<h2 style="{styles["h2"]}"><a style="display:inline-block;margin:8px 0 4px;padding:11px 20px;'
        f'border-radius:7px;background:{kit.button};color:#ffffff;font-size:16px;text-decoration:none"'
    )
    return _BUTTON.sub(lambda _: button, plain)
