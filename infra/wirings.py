"""The wirings of all capabilities, by their place: every `functions/*/wiring.py` counts, and nothing lists them."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

from infra import FUNCTION_FOLDERS, ROOT
from shared.edge.wiring import Capability, Function, Queue, Route

# Every function has the layer of this file of `requirements/`.
COMMON_LAYER: Final = "layer"


@cache
def capabilities() -> tuple[Capability, ...]:
    """The capabilities by name.

    Raises ValueError where a wiring and the folders beside it do not agree, or two things have the same name.
    """
    loaded = tuple(_load(path.parent.name) for path in sorted(ROOT.glob("functions/*/wiring.py")))
    _check(loaded)
    return loaded


@cache
def functions() -> Mapping[str, Function]:
    """Every function by its name."""
    return {function.name: function for capability in capabilities() for function in capability.functions}


@cache
def routes() -> Mapping[str, Route]:
    """Every route by its key."""
    return {route.key: route for function in functions().values() for route in function.routes}


def waiting_queues() -> tuple[str, ...]:
    """The queues whose messages may wait on the due index, by name."""
    return tuple(
        function.queue_name(trigger)
        for function in functions().values()
        for trigger in function.triggers
        if isinstance(trigger, Queue) and trigger.waits
    )


def scopes() -> tuple[str, ...]:
    """The scopes that a key may carry, sorted: all that some route wants."""
    return tuple(sorted({route.scope for route in routes().values() if route.scope}))


def requirements() -> tuple[str, ...]:
    """The files of `requirements/` that layers are made from, without their ending."""
    extra = {layer for function in functions().values() for layer in function.layers}
    return (COMMON_LAYER, *sorted(extra))


def _load(name: str) -> Capability:
    module = import_module(f"functions.{name}.wiring")
    wired = [value for value in vars(module).values() if isinstance(value, Capability)]
    if [capability.name for capability in wired] != [name]:
        raise ValueError(f"functions/{name}/wiring.py: want one Capability, called {name!r}")
    return wired[0]


def _check(loaded: tuple[Capability, ...]) -> None:
    pairs = [(capability, function) for capability in loaded for function in capability.functions]
    wired = [(capability.name, function.name) for capability, function in pairs]
    folders = sorted((folder.parent.name, name) for name, folder in FUNCTION_FOLDERS.items())
    if sorted(wired) != folders:
        raise ValueError(
            f"wirings and folders of functions differ: {sorted(set(wired) ^ set(folders)) or 'some are wired twice'}"
        )
    names = {
        "routes": [route.key for _, function in pairs for route in function.routes],
        "operations": [function.operation(route) for _, function in pairs for route in function.routes],
        "jobs": [job.name for capability in loaded for job in capability.jobs],
    }
    for kind, all_of_them in names.items():
        twice = sorted({name for name in all_of_them if all_of_them.count(name) > 1})
        if twice:
            raise ValueError(f"{kind} that are wired twice: {', '.join(twice)}")
