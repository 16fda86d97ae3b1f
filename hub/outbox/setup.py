"""What the set-up asks of sending: on which surface customers are met."""

from __future__ import annotations

from hub.outbox.models import Message, MessageStatus
from hub.registry.setup import SetupState, SetupStep, setup_steps

SURFACES = {"email": "by mail", "in_hub": "in their hub"}


def surface() -> SetupState:
    """A message has reached somebody on a surface."""
    sent = Message.objects.filter(status=MessageStatus.SENT)
    used = [words for channel, words in SURFACES.items() if sent.filter(channel=channel).exists()]
    told = f"customers have been met {' and '.join(used)}" if used else "nobody has been met on any surface yet"
    return SetupState(min(len(used), 1), 1, told)


def register() -> None:
    setup_steps.register(
        SetupStep(
            "surface", "guide", "Choose the surface",
            "Mail, the customer's hub, or both: look at the sending rules, the domain and the brand.", surface,
            "outbox:rules", "Sending", "outbox.view", 30,
        )
    )  # fmt: skip
