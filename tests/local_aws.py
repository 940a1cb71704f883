"""A local AWS with nothing deployed to it, for tests of itself and of what takes it for DynamoDB."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import server


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A local AWS with nothing deployed to it."""
    server.install()
    port = free_port()
    server.start(tmp_path, port)
    yield tmp_path, port
    server.stop(tmp_path)
