"""What was found odd while reading, told in few lines at the end."""

from __future__ import annotations


class Notes:
    """Counts of odd things, each with the first place where it was met.

    An archive may hold a thousand broken titles: one line says so, not a thousand.
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, what: str, where: str) -> None:
        """Note that something was met at a place."""
        count, first = self._found.get(what, (0, where))
        self._found[what] = count + 1, first

    def add_all(self, others: Notes) -> None:
        """Take over what others counted behind us."""
        for what, (count, where) in others._found.items():
            before, first = self._found.get(what, (0, where))
            self._found[what] = before + count, first

    def lines(self) -> list[str]:
        """One line for each thing: how often, what, and where first."""
        return [
            f"{count} {what} (first: {where})"
            for what, (count, where) in self._found.items()
        ]
