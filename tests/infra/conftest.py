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


# First, for xdist reads the groups in this same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers, what takes long to make is made by one of them, for all tests that look at it."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        for group, made in (("synthesis", {"production", "local"}), ("toys", {"assembly"}), ("zips", {"zips"})):
            if fixtures & made:
                item.add_marker(pytest.mark.xdist_group(group))


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


@cache
def _read(path: Path) -> Mapping[str, Any]:
    template: Mapping[str, Any] = json.loads(path.read_text())
    return template


def _synthesise(settings: Settings, path: Path) -> Assembly:
    build_app(settings, outdir=str(path), is_deployable=False).synth()
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
        monthly_budget_usd=50,
        account_concurrency=200,
        tracing=True,
    )
    return _synthesise(settings, tmp_path_factory.mktemp("prod"))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The stage on the local AWS, where the API's address is known before it is there."""
    return _synthesise(Settings(public_url="http://localhost:4566"), tmp_path_factory.mktemp("local"))
