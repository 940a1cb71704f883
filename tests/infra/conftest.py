"""The stacks of two stages, synthesised once for all tests here; cdk-nag's findings stop the synthesis."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.app import build_app
from shared.core.settings import Settings

Resource = Mapping[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers, one of them synthesises for all."""
    for item in items:
        if {"production", "local"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("synthesis"))


@dataclass(frozen=True)
class Assembly:
    """The cloud assembly of one stage, as `cdk deploy` reads it."""

    path: Path
    settings: Settings

    def template(self, stack: str) -> Mapping[str, Any]:
        """The template of a stack by the last part of its name."""
        return _read(self.path / f"Regulars-{self.settings.stage}-{stack}.template.json")

    def resources(self, kind: str) -> Iterator[tuple[str, Resource]]:
        """Every resource of a CloudFormation type in any stack, by its logical id."""
        for path in sorted(self.path.glob("*.template.json")):
            for name, resource in _read(path)["Resources"].items():
                if resource["Type"] == kind:
                    yield name, resource

    def functions(self) -> dict[str, Resource]:
        """The properties of every function by the folder that it is made of."""
        prefix = f"regulars-{self.settings.stage}-"
        return {
            function["Properties"]["FunctionName"].removeprefix(prefix): function["Properties"]
            for _, function in self.resources("AWS::Lambda::Function")
        }

    def asset(self, s3_key: str) -> Path:
        """The staged folder that becomes the zip under this key."""
        return self.path / f"asset.{s3_key.removesuffix('.zip')}"


@cache
def _read(path: Path) -> Mapping[str, Any]:
    template: Mapping[str, Any] = json.loads(path.read_text())
    return template


def _synthesise(settings: Settings, path: Path) -> Assembly:
    build_app(settings, outdir=str(path)).synth()
    return Assembly(path, settings)


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """A stage on AWS, with every setting in use."""
    settings = Settings(
        stage="prod",
        sender="hello@shop.example",
        shop_name="The Corner Shop",
        allowed_origins=("https://shop.example",),
        time_zone="Europe/Berlin",
        alarm_email="owner@shop.example",
        account_concurrency=200,
        tracing=True,
    )
    return _synthesise(settings, tmp_path_factory.mktemp("prod"))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The stage on the local AWS."""
    return _synthesise(Settings(), tmp_path_factory.mktemp("local"))
