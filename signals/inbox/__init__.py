"""The inbox of signals: what may be asked of it, what people do with signals, and what comes back by itself."""
