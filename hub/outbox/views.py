"""A letter on a page of ours: how it is framed, and what it may load there."""

from hub.outbox.brand import kit_of
from hub.outbox.frame import foot_of, framed
from hub.tenancy.remembering import current_tenant

# A mail brings its own styles and pictures; scripts, forms and everything else stay out, and so does the rest of us.
LETTER_POLICY = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["https:", "data:", "'self'"],
    "script-src": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups"],
}


def letter_html(subject: str, html: str) -> str:
    """A message in the frame that a mail of the tenant in context has."""
    tenant = current_tenant()
    kit = kit_of(tenant.name, tenant.brand_color, tenant.settings)
    return framed(kit, subject=subject, html=html, foot=foot_of(kit, unsubscribe="", preferences=""))
