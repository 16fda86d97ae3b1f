"""Pages of the outbox: the viewer, consent, the set-up of sending, and what a signed link opens."""
