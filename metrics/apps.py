from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "metrics"
    label = "metrics"

    def ready(self) -> None:
        from hub.registry.handlers import figures_changed
        from hub.tenancy.wake import register_queue
        from metrics import panels, readings, setup
        from metrics.planning import panels as planning
        from metrics.quality import counting
        from metrics.quality import panels as quality

        panels.register()
        setup.register()
        planning.register()
        quality.register()
        counting.register()
        figures_changed.connect("metrics", readings.on_figures_changed)
        register_queue(readings.QUEUE, drain=readings.drain, backlog=readings.backlog, lane="maintenance")
