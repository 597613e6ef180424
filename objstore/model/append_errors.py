"""Errors of appends."""

from objstore.model.errors import RequestError


class InvalidWriteOffset(RequestError):
    """The offset is not the object's size."""

    message = "The write offset value that you specified does not match the current object size."


class TooManyParts(RequestError):
    """The object has been appended to too often."""

    message = "You have attempted to add more parts than the maximum of 10000 that are allowed for this object."
