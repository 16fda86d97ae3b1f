"""Which accounts are ready to expand, by criteria that are each met, not met or unknown; and how much speaks for it."""
