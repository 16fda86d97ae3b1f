"""Surveys of one question, asked by journeys and answered in the hub or by the link of a mail."""
