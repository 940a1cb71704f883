"""The texts that people see, pages and mails: Jinja2 templates in the folders `shared/<capability>/templates`."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDERS = sorted(Path(__file__).parents[2].glob("*/templates"))


@cache
def environment() -> "Environment":
    """The one Jinja2 environment. A name that a template wants and the caller forgot raises `UndefinedError`."""
    # Imported on first use: a request that renders nothing, and every cold start, goes without it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
    from markupsafe import Markup

    env = Environment(
        loader=FileSystemLoader(FOLDERS),
        # Everything is escaped except in the plain-text parts of mails, where `&amp;` would be shown as such.
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals["inline"] = lambda name: Markup(source(name))  # noqa: S704  a file of ours
    env.filters["long_date"] = lambda day: f"{day.day} {day:%B %Y}"
    return env


@cache
def source(name: str) -> str:
    """A stylesheet or script exactly as pages contain it, and thus as their Content-Security-Policy hashes it."""
    return next(path for folder in FOLDERS if (path := folder / name).is_file()).read_text("utf-8")
