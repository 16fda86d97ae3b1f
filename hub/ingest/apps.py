from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "hub.ingest"
    label = "ingest"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.ingest import connectors, following, pulling, setup, writing
        from hub.ingest.connectors import panels
        from hub.ingest.connectors import work as hooks
        from hub.ingest.connectors.endpoints import QUEUE as HOOKS
        from hub.ingest.imports import work
        from hub.ingest.pulling import work as pulls
        from hub.ingest.pulling.services import QUEUE as PULLS
        from hub.ingest.pulling.services import WRITING
        from hub.ingest.services import QUEUE
        from hub.ingest.sources import alarms
        from hub.ingest.sources.selectors import event_names
        from hub.ingest.writing import work as writes
        from hub.registry.measures import Suggestion, suggestions
        from hub.registry.panels import NavItem, nav_items
        from hub.tenancy.wake import register_queue

        register_queue(QUEUE, drain=following.drain, backlog=following.backlog)
        # Imports run beside other bulk work, never beside events that just came in.
        register_queue(work.QUEUE, drain=work.drain, backlog=work.backlog, lane="bulk")
        connectors.load()
        panels.register()
        pulling.load()
        # Beside other bulk work: it waits for strangers.
        register_queue(PULLS, drain=pulls.drain, backlog=pulls.backlog, lane="bulk")
        writing.load()
        # Calls of other companies' servers wait beside one another, not before anything of ours.
        register_queue(WRITING, drain=writes.drain, backlog=writes.backlog, lane="outbound")
        register_queue(HOOKS, drain=hooks.drain, backlog=hooks.backlog, lane="ingest")
        alarms.register()
        setup.register()
        suggestions.register(Suggestion("events", event_names))
        nav_items.register(
            NavItem(
                "sources",
                "Sources",
                82,
                "sources.view",
                "sources:keys",
                icon="plug-connected",
                what="Keys, connections and what they send, live.",
            )
        )
        nav_items.register(
            NavItem(
                "imports",
                "Imports",
                84,
                "imports.view",
                "imports:list",
                icon="database-import",
                what="Files of accounts, people, contracts, tickets and use.",
            )
        )
