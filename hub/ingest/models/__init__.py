from hub.ingest.models.imports import ImportedFile, ImportRun, QuarantinedRow

__all__ = ["ImportRun", "ImportedFile", "QuarantinedRow"]
