"""The composition root: settings, addresses, processes, and the one-machine mode."""
