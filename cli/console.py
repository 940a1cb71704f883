"""The consoles of the command line: stdout for progress, stderr for errors."""

from typing import Final

from rich.console import Console

console: Final = Console(highlight=False, soft_wrap=True)
complaints: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def complain(sentence: str) -> None:
    """Say on stderr what went wrong."""
    complaints.print(f"[bold red]regulars:[/] {sentence.replace('[', chr(92) + '[')}")


def say(sentence: str) -> None:
    """Say what is happening while something takes long."""
    console.print(f"  {sentence}", style="dim", markup=False)
