from hub.outbound.models.export import Export, ExportChunk, ExportFormat, ExportStatus
from hub.outbound.models.webhook import (
    DeliveryStatus,
    EndpointStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)

__all__ = [
    "DeliveryStatus",
    "EndpointStatus",
    "Export",
    "ExportChunk",
    "ExportFormat",
    "ExportStatus",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
]
