"""StartError: why a server does not start, in words for the person who started it."""


class StartError(Exception):
    """The server cannot start as asked; the message says what to change."""
