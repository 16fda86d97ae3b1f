from hub.ingest.models.connectors import (
    DeliveryState,
    HookDelivery,
    HookEndpoint,
    SourceObject,
    SourceReference,
    SourceWord,
)
from hub.ingest.models.events import QuarantinedEvent, TouchedAccounts
from hub.ingest.models.imports import (
    ImportBatch,
    ImportChunk,
    ImportedFile,
    ImportKept,
    ImportMapping,
    ImportRun,
    ImportUpload,
    QuarantinedRow,
)
from hub.ingest.models.pulling import PullAccess, PullStream
from hub.ingest.models.sources import DoorVolume, EventSchema
from hub.ingest.models.writing import WriteBack, WriteCall, WrittenRow

__all__ = [
    "DeliveryState",
    "DoorVolume",
    "EventSchema",
    "HookDelivery",
    "HookEndpoint",
    "ImportBatch",
    "ImportChunk",
    "ImportKept",
    "ImportMapping",
    "ImportRun",
    "ImportUpload",
    "ImportedFile",
    "PullAccess",
    "PullStream",
    "QuarantinedEvent",
    "QuarantinedRow",
    "SourceObject",
    "SourceReference",
    "SourceWord",
    "TouchedAccounts",
    "WriteBack",
    "WriteCall",
    "WrittenRow",
]
