"""The dependency layer of every function, built by uv: no Docker, wheels only, every hash checked."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import jsii
from aws_cdk import BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import ROOT
from shared.settings import Settings

RUNTIME: Final = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE: Final = lambda_.Architecture.ARM_64

_UV: Final = Path(sys.executable).parent / "uv"
_AWS_PLATFORM: Final = ("--python-version", "3.13", "--python-platform", "aarch64-manylinux_2_28")
_HOST_PLATFORM: Final = ("--python-version", f"{sys.version_info.major}.{sys.version_info.minor}")


def install_command(*, is_local: bool) -> list[str]:
    """The command that fills the layer; relative to the layer's root, so that it is the same on every machine."""
    platform = _HOST_PLATFORM if is_local else _AWS_PLATFORM
    return [
        "uv", "pip", "install", "--quiet", "--no-config", "--target", "python", "--only-binary", ":all:",
        "--require-hashes", "--no-compile-bytecode", *platform, "--requirements", "layer.txt",
    ]  # fmt: skip


@jsii.implements(ILocalBundling)
class _UvBundling:
    def __init__(self, command: list[str]) -> None:
        self._command = command

    def try_bundle(self, output_dir: str, *, image: object = None, **_options: object) -> bool:
        layer = ROOT / "requirements" / "layer.txt"
        program, *arguments = [str(layer) if word == "layer.txt" else word for word in self._command]
        assert program == "uv"
        done = subprocess.run(
            [_UV, *arguments],
            cwd=output_dir,
            env={**os.environ, "UV_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the dependency layer could not be built: {done.stderr.strip()}")
        return True


class DependencyLayer(lambda_.LayerVersion):
    """One per stack, never shared across stacks: its ARN changes with each content, and CloudFormation
    refuses to change a value that another stack imports.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        command = install_command(is_local=settings.is_local)
        super().__init__(
            scope,
            construct_id,
            description="Dependencies of the functions",
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            code=lambda_.Code.from_asset(
                str(ROOT / "requirements"),
                # Only this file decides the layer's hash, with the command in the bundling options.
                exclude=["*", "!layer.txt"],
                bundling=BundlingOptions(
                    # Never pulled: the local bundling answers first.
                    image=DockerImage.from_registry("none"),
                    command=command,
                    local=_UvBundling(command),
                ),
            ),
        )
