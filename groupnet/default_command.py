"""A verb that is a command and has others below it: `groupnet tune MODEL`, and `groupnet tune report DB`."""

from typing import Any

from typer.core import TyperGroup


class DefaultCommandGroup(TyperGroup):
    """A group in which one command bears the group's own name, and is meant wherever no other is named.

    Only the first word decides; all that follows is the command's, `--help` and options before arguments too.
    """

    # The context's type is one that typer keeps to itself.
    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Return the context of the command that is meant, or of the group where it is another one."""
        if args and args[0] != self.name and args[0] in self.commands:
            return super().make_context(info_name, args, *rest, **extra)
        return self.commands[str(self.name)].make_context(info_name, args, *rest, **extra)
