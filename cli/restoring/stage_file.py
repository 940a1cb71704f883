"""The file of a stage's settings, `stages/<stage>.env`: a setting a line, as `make deploy` reads it."""

import re
from collections.abc import Mapping
from pathlib import Path


def with_settings(text: str, values: Mapping[str, str]) -> str:
    """The file's text with these settings: each in the place where it stood, else at the end; all else stays."""
    lines, missing = [], dict(values)
    for line in text.splitlines():
        name = line.partition("=")[0].strip()
        if name in missing:
            lines.append(f"{name}={missing.pop(name)}")
        # A second line of the same setting would win over the first.
        elif name not in values or not re.match(r"\s*\w+\s*=", line):
            lines.append(line)
    lines += [f"{name}={value}" for name, value in missing.items()]
    return "".join(f"{line}\n" for line in lines)


def write(file: Path, values: Mapping[str, str]) -> None:
    """Put these settings into the file, which is made where there is none."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(with_settings(text, values), encoding="utf-8")
    fresh.replace(file)
