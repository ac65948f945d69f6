"""What a person did wrong, in words they can act on."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the asker: one sentence that quotes it, one that helps.

    Every surface shows `message` and `hint`; nothing else happens.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Both sentences."""
        return f"{self.message} {self.hint}".strip()
