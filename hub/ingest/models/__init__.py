from hub.ingest.models.events import QuarantinedEvent, TouchedAccount
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

__all__ = [
    "ImportBatch",
    "ImportChunk",
    "ImportKept",
    "ImportMapping",
    "ImportRun",
    "ImportUpload",
    "ImportedFile",
    "QuarantinedEvent",
    "QuarantinedRow",
    "TouchedAccount",
]
