"""The PostgreSQL and Redis of the one-machine mode.

Nothing here needs Django: the launcher starts the servers before the settings that name them are read.
"""
