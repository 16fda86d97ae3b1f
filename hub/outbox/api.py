"""REST: messages, what became of them and why."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from hub.outbox.models import Message, MessageStatus
from hub.rest.reading import OF_ACCOUNT, by_choice, by_id, by_text, by_time, resource


class MessageSerializer(serializers.ModelSerializer[Message]):
    """A message to a contact; `reason` is the code of why it was held, withheld or not delivered."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    contact = serializers.UUIDField(source="contact_id", read_only=True)

    class Meta:
        model = Message
        fields = [
            "id",
            "account",
            "contact",
            "channel",
            "message_class",
            "purpose",
            "topic",
            "subject",
            "status",
            "reason",
            "wanted_at",
            "sent_at",
            "finished_at",
            "read_at",
            "attempts",
            "cause",
            "cause_id",
            "cause_label",
            "signal_id",
            "created_at",
        ]
        read_only_fields = fields


def _messages() -> QuerySet[Message]:
    found: QuerySet[Message] = Message.objects.defer("body_html", "body_text")
    return found


urlpatterns = resource(
    "messages",
    "Messages to contacts, newest first: waiting, sent, and those that did not go, with the reason.",
    rows=_messages,
    serializer=MessageSerializer,
    filters=(
        OF_ACCOUNT,
        by_id("contact", "only to this contact", "contact_id"),
        by_choice("status", "only these", "status", MessageStatus.values),
        by_text("channel", "only by this channel", "channel"),
        by_time("created_since", "made at or after this time", "created_at__gte"),
    ),
)
