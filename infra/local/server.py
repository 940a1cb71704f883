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
# An orderly end writes everything down.
END_TIMEOUT_SECONDS: Final = 60


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


def kept_port(state: Path) -> int | None:
    """The port that this state's last process served."""
    try:
        return int((state / "port").read_text())
    except (FileNotFoundError, ValueError):
        return None


def check_port(port: int) -> None:
    """Raises LocalFailure where another program serves this port."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise LocalFailure(f"port {port} is in use by another program; take another one: make up PORT={port + 1}")


def has_data(state: Path) -> bool:
    """Whether an orderly end has left data, to which the next start goes back."""
    return any((state / "data").glob("*.json"))


def ended_orderly(state: Path) -> bool:
    """Whether the data are as of the last end; not so after a crash, which leaves those of the orderly end before."""
    return (state / "data" / "ended").exists()


def start(state: Path, port: int) -> None:
    """Start the process on the data that there are, and its proxy, in a session of their own; wait until it serves."""
    python = _HOME / "bin" / "python"
    scratch = state / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    (state / "data" / "ended").unlink(missing_ok=True)
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
            env=environment(scratch, port, state / "data", _local_url(proxy_port)),
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


def end(state: Path) -> bool:
    """End the process so that it writes down what it has, for the next start; False where none ran.

    Raises LocalFailure where it does not end in time; it then goes on running.
    """
    if running_port(state) is None:
        return False
    process = _recorded(state, "pid")
    os.kill(process, signal.SIGTERM)
    _wait_for_end(state, process, END_TIMEOUT_SECONDS)
    (state / "data").mkdir(exist_ok=True)
    (state / "data" / "ended").touch()
    _remove_workers(state, process)
    return True


def stop(state: Path) -> bool:
    """End the process and the workers of its functions at once, as a crash would; False where none ran."""
    if running_port(state) is None:
        return False
    process = _recorded(state, "pid")
    os.killpg(process, signal.SIGKILL)
    _wait_for_end(state, process, STOP_TIMEOUT_SECONDS)
    _remove_workers(state, process)
    return True


def forget(state: Path) -> None:
    """Remove what an orderly end has left."""
    shutil.rmtree(state / "data", ignore_errors=True)


def _wait_for_end(state: Path, process: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while running_port(state) is not None:
        # A child of this program holds its lock no more, but has to be waited for.
        with suppress(ChildProcessError):
            os.waitpid(process, os.WNOHANG)
        if time.monotonic() > deadline:
            raise LocalFailure(f"process {process} of the local AWS does not end")
        time.sleep(0.02)
    with suppress(ChildProcessError):
        os.waitpid(process, 0)


def _remove_workers(state: Path, process: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    shutil.rmtree(state / "tmp", ignore_errors=True)


def environment(scratch: Path, port: int, data: Path, functions_endpoint_url: str) -> dict[str, str]:
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
        # It writes tables, functions and the like here when it ends, and objects as they come.
        "PERSIST_STATE": "1",
        "STATE_DIR": str(data.absolute()),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(data.absolute() / "objects"),
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
