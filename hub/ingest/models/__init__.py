from hub.ingest.models.events import QuarantinedEvent, TouchedAccount
from hub.ingest.models.imports import ImportedFile, ImportRun, QuarantinedRow

__all__ = ["ImportRun", "ImportedFile", "QuarantinedEvent", "QuarantinedRow", "TouchedAccount"]
