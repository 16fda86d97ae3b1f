from hub.outbound.models.export import Export, ExportChunk, ExportFormat, ExportStatus
from hub.outbound.models.webhook import (
    DeliveryStatus,
    EndpointDialect,
    EndpointStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)

__all__ = [
    "DeliveryStatus",
    "EndpointDialect",
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
