"""Help that can be read at any width: names of options are whole, and prose wraps between words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

_NARROW = 70  # columns; on a narrower terminal, the text of an option is below its name
_NAMES = 32  # columns
_FIRST = ("Arguments", "Commands", "Options")


def usage(ctx: Any) -> str:
    """How to type a command."""
    arguments: list[Any] = [each for each in ctx.command.get_params(ctx) if each.param_type_name == "argument"]
    names = [each.metavar if each.required else f"[{each.metavar}]" for each in arguments]
    words = [*names, "COMMAND …"] if isinstance(ctx.command, TyperGroup) else names
    return f"Usage: {' '.join([ctx.command_path, '[OPTIONS]', *words])}"


def _print_help(command: TyperCommand | TyperGroup, ctx: Any) -> None:
    """Print the help of a command to stdout."""
    console = Console(highlight=False)
    panels: dict[str, list[tuple[str, str]]] = {name: [] for name in _FIRST}
    for each in command.get_params(ctx):
        parameter: Any = each
        title = parameter.rich_help_panel or f"{parameter.param_type_name.capitalize()}s"
        if record := parameter.get_help_record(ctx):  # a hidden one has none
            panels.setdefault(title, []).append(record)
    if isinstance(command, TyperGroup):
        commands = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
        panels["Commands"] += [(name, _first_sentence(each.help or "")) for name, each in commands if each]
    console.print(Text(usage(ctx), style="yellow"))
    console.print(Text(f"\n{command.help}\n"))
    for title, records in panels.items():
        if records:
            body = _panel(records, console.width)
            console.print(Panel(body, title=title, title_align="left", border_style="dim"))
    if command.epilog:
        console.print(Text(f"\n{command.epilog}"))


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".") + "."


def _panel(records: Sequence[tuple[str, str]], width: int) -> RenderableType:
    """Names and their texts, side by side or below each other."""
    texts = [(Text(name, style="bold cyan"), Text(text)) for name, text in records]
    if width < _NARROW:
        return Group(*(part for name, text in texts for part in (name, Padding(text, (0, 0, 0, 2)))))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(max_width=_NAMES, overflow="fold")
    grid.add_column(overflow="fold")
    for row in texts:
        grid.add_row(*row)
    return grid


class HelpedCommand(TyperCommand):
    """A command with this help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, as Typer does, to stdout."""
        _print_help(self, ctx)


class HelpedGroup(TyperGroup):
    """A group of commands with this help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, as Typer does, to stdout."""
        _print_help(self, ctx)
