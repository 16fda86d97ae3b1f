"""REST: what customers do in communities."""

from __future__ import annotations

from hub.accounts.models import CommunityActivity
from hub.accounts.references import ContactReference
from hub.accounts.services import COMMUNITY_ACTIVITY, community_activity_upsert
from hub.accounts.sourced_api import FIRST, KEPT, LAST, SourcedSerializer, sourced_routes


class CommunityActivitySerializer(SourcedSerializer):
    """One act of a customer in a community. What a PUT leaves out stays as it is."""

    contact = ContactReference(required=False, allow_null=True)

    class Meta:
        model = CommunityActivity
        fields = [*FIRST, "contact", "kind", "title", "url", "occurred_at", *LAST]
        read_only_fields = KEPT


urlpatterns = sourced_routes(
    "community", COMMUNITY_ACTIVITY, community_activity_upsert, CommunityActivitySerializer, related=["contact"]
)
