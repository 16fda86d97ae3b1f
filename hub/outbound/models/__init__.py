from hub.outbound.models.export import Export, ExportChunk, ExportFormat, ExportStatus

__all__ = ["Export", "ExportChunk", "ExportFormat", "ExportStatus"]
