"""The MiniStack process and the proxy before it: their virtual environment, their start, their health, their end."""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from infra import ROOT
from infra.local import proxy
from infra.local.steps import LocalFailure

REGION: Final = "eu-central-1"
ACCOUNT: Final = "000000000000"

_UV: Final = Path(sys.executable).parent / "uv"
_HOME: Final = ROOT / ".regulars" / "ministack"
_STAMP: Final = _HOME / "installed"
_REQUIREMENTS: Final = ROOT / "requirements" / "local.txt"

START_TIMEOUT_SECONDS: Final = 60
STOP_TIMEOUT_SECONDS: Final = 10


def is_installed() -> bool:
    """Whether the virtual environment of MiniStack and the functions is as pinned."""
    return _STAMP.is_file() and _STAMP.read_text() == _fingerprint()


def install() -> None:
    """Make that virtual environment; several at once wait for the first."""
    _HOME.parent.mkdir(parents=True, exist_ok=True)
    with (_HOME.parent / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return
        _uv("venv", "--clear", "--python", sys.executable, str(_HOME))
        # Compiled at once: every worker of every function imports boto3 from here.
        _uv(
            "pip", "install", "--python", str(_HOME / "bin" / "python"), "--require-hashes", "--no-deps",
            "--compile-bytecode", "--requirements", str(_REQUIREMENTS),
        )  # fmt: skip
        _STAMP.write_text(_fingerprint())


def _fingerprint() -> str:
    return hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()


def _uv(*arguments: str) -> None:
    result = subprocess.run([_UV, "--quiet", *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise LocalFailure(f"the local AWS could not be installed: {result.stderr.strip()}")


def running_port(state: Path) -> int | None:
    """The port that this state's process serves; None where it does not run.

    The process holds a lock as long as it lives, so that no other process is ever taken for it.
    """
    if not (state / "lock").exists():
        return None
    with (state / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _recorded(state, "port")
    return None


def proxy_url(state: Path) -> str:
    """Where this state's process serves what functions call: the proxy, which keeps mails and injects faults."""
    return _local_url(_recorded(state, "proxy_port"))


def _local_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _recorded(state: Path, name: str) -> int:
    try:
        return int((state / name).read_text())
    except (FileNotFoundError, ValueError):
        raise LocalFailure(
            f"a local AWS runs here, but its {name} is not known, for {state / name} is gone; "
            f"end the process `python -m ministack` that holds {state / 'lock'}"
        ) from None


def check_port(port: int) -> None:
    """Raises LocalFailure where another program serves this port."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise LocalFailure(f"port {port} is in use by another program; take another one: make up PORT={port + 1}")


def start(state: Path, port: int) -> None:
    """Start the process and its proxy, in a session of their own, and wait until it serves."""
    python = _HOME / "bin" / "python"
    scratch = state / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    (state / "bootstrapped").unlink(missing_ok=True)
    with (
        (state / "lock").open("w") as lock,
        (state / "ministack.log").open("w") as log,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        proxy_port = listener.getsockname()[1]
        # Before there is a process: its port can then be looked up even where this program is killed.
        (state / "port").write_text(str(port))
        (state / "proxy_port").write_text(str(proxy_port))
        (state / "pid").unlink(missing_ok=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            # For the same reason it writes its number itself, and then becomes the proxy's start and MiniStack.
            [
                *("/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', state.absolute() / "pid"),
                *(python, "-I", Path(proxy.__file__).absolute(), str(listener.fileno()), str(port)),
                *(python, "-m", "ministack"),
            ],
            cwd=scratch,
            env=environment(scratch, port, _local_url(proxy_port)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock.fileno(), listener.fileno()],
        )
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not is_healthy(port):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(state)
            raise LocalFailure(f"the local AWS did not start; its log is {state / 'ministack.log'}")
        time.sleep(0.1)


def stop(state: Path) -> bool:
    """End the process and the workers of its functions; False where none ran."""
    if running_port(state) is None:
        return False
    process = _recorded(state, "pid")
    # At once and all of them: what it holds lies in memory and in `tmp`, and none of it is kept.
    os.killpg(process, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(process, 0)
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while running_port(state) is not None:
        if time.monotonic() > deadline:
            raise LocalFailure(f"process {process} of the local AWS does not end")
        time.sleep(0.02)
    shutil.rmtree(state / "tmp", ignore_errors=True)
    return True


def environment(scratch: Path, port: int, functions_endpoint_url: str) -> dict[str, str]:
    """Nothing of the caller's environment but the search path: functions inherit what MiniStack has."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # Only the workers of functions call it: MiniStack's own parts do not call each other by HTTP.
        "AWS_ENDPOINT_URL": functions_endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        # Further listeners on fixed ports, which a second local AWS could not have.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # Each worker unpacks its function anew: compiled files would never be read again.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def is_healthy(port: int) -> bool:
    """Whether the local AWS answers on this port."""
    # Not by urllib, which would ask a proxy of the caller's.
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    except (HTTPException, OSError):
        return False
    finally:
        connection.close()
