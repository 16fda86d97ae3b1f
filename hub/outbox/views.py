"""A letter on a page of ours: how it is framed, and what it may load there."""

from django.template.loader import render_to_string

# A mail brings its own styles and pictures; scripts, forms and everything else stay out, and so does the rest of us.
LETTER_POLICY = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["https:", "data:"],
    "script-src": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups"],
}


def letter_html(subject: str, html: str) -> str:
    """A message in the frame that a mail has."""
    return render_to_string("outbox/email.html", {"message": {"subject": subject, "html": html}})
