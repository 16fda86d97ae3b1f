"""Drafts of journeys: what is being built before it is published."""
