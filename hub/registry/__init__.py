"""What flows up or sideways between apps: handlers, panels, facts, content, actions.

Pure Python and below every other floor, so that a lower app can call what a higher one
registered at start-up (``AppConfig.ready``) without importing it.
"""
