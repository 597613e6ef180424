"""Why a command does not do what it was asked to, in words for the person who asked."""


class StartError(Exception):
    """The server cannot start as asked; the message says what to change."""


class CommandError(Exception):
    """A command against a server has failed; the message says why."""
