"""Telling: what a command has done, for programs or for people. What draws tables is loaded only when it is needed."""

from typing import Any


def tell(as_json: bool, answer: Any, text: str) -> None:
    """A document for programs, a line for people."""
    from objstore.cli.output import print_json, say

    if as_json:
        print_json(answer)
    else:
        say(text)
