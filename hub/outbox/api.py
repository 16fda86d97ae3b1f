"""REST: messages, what became of them and why; what contacts said about being written to."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from hub.outbox.models import Click, Consent, ConsentChange, ConsentStatus, Message, MessageStatus
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


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    """What counts now for a contact, by channel and topic ("" is every topic without a word of its own)."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    contact = serializers.UUIDField(source="contact_id", read_only=True)

    class Meta:
        model = Consent
        fields = ["id", "account", "contact", "channel", "topic", "status", "legal_basis", "source", "changed_at"]
        read_only_fields = fields


class ConsentChangeSerializer(serializers.ModelSerializer[ConsentChange]):
    """A word of a contact, as it was said; rows are never changed."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    contact = serializers.UUIDField(source="contact_id", read_only=True)

    class Meta:
        model = ConsentChange
        fields = [
            "id", "account", "contact", "channel", "topic", "before", "status", "legal_basis", "source", "note",
            "actor_kind", "actor_label", "ip", "at",
        ]  # fmt: skip
        read_only_fields = fields


class ClickSerializer(serializers.ModelSerializer[Click]):
    """A click on a link of a message; `bot_score` is 0 (a person) to 100 (a machine)."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    message = serializers.UUIDField(source="message_id", read_only=True)

    class Meta:
        model = Click
        fields = ["id", "account", "message", "link", "at", "seconds_after", "bot_score", "reasons"]
        read_only_fields = fields


OF_CONTACT = by_id("contact", "only of this contact", "contact_id")
urlpatterns += resource(
    "consents",
    "What counts now of what contacts said, newest first.",
    rows=Consent.objects.all,
    serializer=ConsentSerializer,
    filters=(
        OF_ACCOUNT,
        OF_CONTACT,
        by_text("topic", "only on this topic", "topic"),
        by_choice("status", "only these", "status", ConsentStatus.values),
    ),
)
urlpatterns += resource(
    "consent-changes",
    "The log of every word of contacts about being written to, newest first.",
    rows=ConsentChange.objects.all,
    serializer=ConsentChangeSerializer,
    filters=(OF_ACCOUNT, OF_CONTACT, by_time("since", "said at or after this time", "at__gte")),
)
urlpatterns += resource(
    "clicks",
    "Clicks on links of messages, newest first, with what speaks for a machine.",
    rows=Click.objects.all,
    serializer=ClickSerializer,
    filters=(
        OF_ACCOUNT,
        by_id("message", "only of this message", "message_id"),
        by_time("since", "at or after this time", "at__gte"),
    ),
)
