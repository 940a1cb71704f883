"""The layers of dependencies, built by uv: no Docker, wheels only, every hash checked."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import jsii
from aws_cdk import BundlingOptions, DockerImage, ILocalBundling, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import ROOT
from infra.constructs.code import COMPILE, make_readable
from shared.core.settings import Settings

RUNTIME: Final = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE: Final = lambda_.Architecture.ARM_64

_UV: Final = Path(sys.executable).parent / "uv"
AWS_VERSION: Final = "3.13"
_AWS_PLATFORM: Final = ("--python-version", AWS_VERSION, "--python-platform", "aarch64-manylinux_2_28")
_HOST_VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


def install_command(requirements: str = "layer.txt", *, is_local: bool) -> list[str]:
    """Fills the folder `python` with the wheels of a file, for AWS or for the functions of the local AWS."""
    platform = ("--python-version", _HOST_VERSION) if is_local else _AWS_PLATFORM
    return [
        "uv", "pip", "install", "--quiet", "--target", "python", "--only-binary", ":all:", "--require-hashes",
        *platform, "--requirements", requirements,
    ]  # fmt: skip


def compile_command(*, is_local: bool) -> list[str]:
    """Compiles them, for a function cannot keep what it compiles.

    The command enters the hash of the layer, and is the same on every machine: another would swap the layers of all
    functions.
    """
    version = _HOST_VERSION if is_local else AWS_VERSION
    return [f"python{version}", *COMPILE, "python"]


@cache
def interpreter(version: str) -> str | None:
    """The path of a Python of this version that starts; None where this machine has none."""
    if version == _HOST_VERSION:
        return sys.executable
    result = subprocess.run(
        [_UV, "python", "find", "--no-python-downloads", version], capture_output=True, text=True, check=False
    )
    if result.returncode == 0 and result.stdout.strip():
        return result.stdout.strip()
    # uv gives up at the first Python that does not start, such as a shim of pyenv for a version that is not chosen.
    for folder in os.get_exec_path():
        candidate = shutil.which(f"python{version}", path=folder)
        if candidate and _version_of(candidate) == version:
            return candidate
    return None


def _version_of(interpreter: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    result = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    return result.stdout.strip()


@cache
def compiler(version: str) -> str:
    """The path of a Python of this version; uv gets it where there is none. Raises RuntimeError if it cannot."""
    if known := interpreter(version):
        return known
    result = subprocess.run([_UV, "python", "install", version], capture_output=True, text=True, check=False)
    interpreter.cache_clear()
    if known := interpreter(version):
        return known
    raise RuntimeError(
        f"there is no Python {version} here, which compiles what functions import, and uv could not get it: install "
        f"Python {version} and deploy again. {result.stderr.strip()}"
    )


def _on_this_machine(word: str) -> str:
    """Commands name no path of this machine, for they enter the hash of the layer."""
    if word == "uv":
        return str(_UV)
    if word.endswith(".txt"):
        return str(ROOT / "requirements" / word)
    if word.startswith("python3."):
        return compiler(word.removeprefix("python"))
    return word


@jsii.implements(ILocalBundling)
class _UvBundling:
    def __init__(self, *commands: list[str]) -> None:
        self._commands = commands

    def try_bundle(self, output_dir: str, *, image: object = None, **_options: object) -> bool:
        for command in self._commands:
            result = subprocess.run(
                [_on_this_machine(word) for word in command],
                cwd=output_dir,
                env={**os.environ, "UV_PYTHON": sys.executable},
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode:
                raise RuntimeError(f"the dependency layer could not be built: {result.stderr.strip()}")
        make_readable(Path(output_dir))
        return True


class DependencyLayer(lambda_.LayerVersion):
    """The packages that a file of `requirements/` pins. Each stack has its own: its ARN changes with each content,
    and CloudFormation refuses to change a value that another stack imports.
    """

    @staticmethod
    def of(scope: Construct, requirements: str, *, settings: Settings) -> "DependencyLayer":
        """The stack's layer of the file `requirements/<requirements>.txt`, made at the first call."""
        stack, construct_id = Stack.of(scope), f"requirements-{requirements}"
        made = stack.node.try_find_child(construct_id)
        return made or DependencyLayer(stack, construct_id, settings=settings, requirements=f"{requirements}.txt")

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, requirements: str) -> None:
        install = install_command(requirements, is_local=settings.is_local)
        compile_ = compile_command(is_local=settings.is_local)
        super().__init__(
            scope,
            construct_id,
            description="Dependencies of the functions",
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            code=lambda_.Code.from_asset(
                str(ROOT / "requirements"),
                # Only this file decides the layer's hash, with the command in the bundling options.
                exclude=["*", f"!{requirements}"],
                bundling=BundlingOptions(
                    # Never pulled: the local bundling answers first.
                    image=DockerImage.from_registry("none"),
                    command=[*install, *compile_],
                    local=_UvBundling(install, compile_),
                ),
            ),
        )
