"""REST: stories that customers agreed to have told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hub.outbox.models import Story
from hub.outbox.services.stories import MOST_SEATS, StoryWords, story_remove, story_save
from hub.rest.middleware import actor_of_key
from hub.rest.routes import ID, route

SEATS: dict[str, Any] = {"required": False, "allow_null": True, "min_value": 0, "max_value": MOST_SEATS}
WORDS = ("title", "customer", "text", "url", "account_id", "industry", "least_seats", "most_seats", "agreed_on")


class StorySerializer(serializers.ModelSerializer[Story]):
    """What a customer reached; told to accounts that it fits, once there is a day on which they agreed."""

    account = serializers.UUIDField(source="account_id", read_only=True, allow_null=True)
    url = serializers.CharField(read_only=True, help_text="may be empty")
    industry = serializers.CharField(read_only=True, help_text="of the accounts it is for; empty: every one")

    class Meta:
        model = Story
        fields = [
            "id", "title", "customer", "text", "url", "account", "industry", "least_seats", "most_seats", "agreed_on",
            "created_at", "changed_at",
        ]  # fmt: skip
        read_only_fields = fields


class StoryChangeSerializer(serializers.Serializer[Any]):
    """What of a story becomes another; what is left out stays."""

    title = serializers.CharField(max_length=120, required=False)
    customer = serializers.CharField(max_length=120, required=False, help_text="in the words that they agreed to")
    text = serializers.CharField(max_length=600, required=False)
    url = serializers.CharField(max_length=1000, required=False, allow_blank=True, help_text="an https address")
    account = serializers.UUIDField(
        source="account_id", required=False, allow_null=True, help_text="theirs: nobody is told their own"
    )
    industry = serializers.CharField(max_length=100, required=False, allow_blank=True)
    least_seats = serializers.IntegerField(**SEATS)
    most_seats = serializers.IntegerField(**SEATS)
    agreed_on = serializers.DateField(required=False, allow_null=True, help_text="null: told to nobody")


class StoryMakeSerializer(StoryChangeSerializer):
    """A story."""

    title = serializers.CharField(max_length=120)
    customer = serializers.CharField(max_length=120, help_text="in the words that they agreed to")
    text = serializers.CharField(max_length=600)


def _stories() -> QuerySet[Story]:
    found: QuerySet[Story] = Story.objects.filter(is_off=False)
    return found


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Invalid as error:
        told = {("account" if name == "account_id" else name): words for name, words in error.message_dict.items()}
        raise ValidationError(told) from None


class StoryList(generics.ListAPIView[Story]):
    """Stories, newest first."""

    serializer_class = StorySerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Story]:
        return _stories()

    @extend_schema(request=StoryMakeSerializer, responses={201: StorySerializer})
    def post(self, request: Request) -> Response:
        """Write a story down."""
        body = StoryMakeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            made = story_save(words=StoryWords(**body.validated_data), actor=actor_of_key(request))
        return Response(StorySerializer(made).data, status=201)


class StoryDetail(generics.RetrieveAPIView[Story]):
    """One story: read, changed by PATCH, told no more after DELETE."""

    serializer_class = StorySerializer

    def get_queryset(self) -> QuerySet[Story]:
        return _stories()

    @extend_schema(request=StoryChangeSerializer, responses=StorySerializer)
    def patch(self, request: Request, pk: str) -> Response:
        body = StoryChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals(), transaction.atomic():
            row: Story = generics.get_object_or_404(_stories().select_for_update(of=("self",)), pk=pk)
            now = StoryWords(**{name: getattr(row, name) for name in WORDS})
            kept = story_save(words=replace(now, **body.validated_data), story=row, actor=actor_of_key(request))
        return Response(StorySerializer(kept).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        story_remove(story=self.get_object(), actor=actor_of_key(request))
        return Response(status=204)


urlpatterns = [route("stories", StoryList, "stories"), route(f"stories/{ID}", StoryDetail, "story")]
