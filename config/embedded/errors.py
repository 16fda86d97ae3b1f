"""What the launcher says when it cannot go on."""


class EmbeddedError(RuntimeError):
    """A server cannot be started; the text says what is wrong and how to mend it, for people."""
