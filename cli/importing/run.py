"""An import at work: orders from a CSV file into the tables, by several workers, to the end or to where it stops."""

import hashlib
import random
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue
from types import FrameType
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from cli.deployment import explain
from cli.exports.rows import Layout, OrderRows, UnreadableFile, describe_problem, read_layout, read_orders, to_payload
from cli.importing.ledger import Ledger, Outcome, Progress, check_rejects
from shared.core import clock, dynamodb
from shared.core.errors import Busy, RegularsError
from shared.core.settings import Settings
from shared.core.shop_time import ShopTime
from shared.purchases.actions import Recorded, take_purchase
from shared.purchases.payloads import PurchasePayload

DEFAULT_WORKERS: Final = 16
# Enough that a worker never waits for the file, few enough that a million orders never stand in memory.
QUEUED_PER_WORKER: Final = 64
SAVE_EVERY_SECONDS: Final = 3.0
TICK_SECONDS: Final = 0.2
# On top of the client's own tries: a throttled table needs longer than a request may wait.
RETRY_AFTER_SECONDS: Final = (1.0, 4.0, 10.0)
_HOPELESS: Final = frozenset(
    "AccessDeniedException ExpiredTokenException InvalidSignatureException MissingAuthenticationTokenException "
    "ResourceNotFoundException UnrecognizedClientException ValidationException".split()
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """How an import ended.

    `complete` says that every order of the file was looked at. Else `trouble` is a sentence on what stopped it, None
    where a person did; `resumable` says whether the same file can be gone on with.
    """

    progress: Progress
    rejects: Path
    complete: bool
    resumable: bool
    trouble: str | None


@dataclass(frozen=True)
class _Job:
    number: int
    order: OrderRows
    payload: PurchasePayload | None
    reason: str


class _Stopped(Exception):
    """The import cannot go on; the message says why."""


def run_import(
    path: Path,
    *,
    settings: Settings,
    state: Path,
    rejects: Path | None = None,
    workers: int = DEFAULT_WORKERS,
    show: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Import a file of purchases into the tables that the environment names; see `regulars import`.

    `state` is the folder in which the progress is kept, `show` is called with it several times a second. Continues
    where an import of the same content into the same tables was stopped. Raises UnreadableFile where nothing can begin.
    """
    layout = read_layout(path)
    rejects = rejects or path.with_suffix(".rejects.csv")
    check_rejects(rejects, path)
    ledger = Ledger(state / f"{_identity(path)}.json", rejects, layout)
    run = _Run(layout, ledger, settings, workers)
    with _interruptible(run.stop):
        run.work_through(read_orders(path, layout, ledger.progress.offset), lambda: show(ledger.progress))
    resumable = run.stop.is_set()
    if not resumable:
        ledger.finish()
    return Report(
        progress=ledger.progress,
        rejects=rejects,
        complete=not resumable and run.trouble is None,
        resumable=resumable,
        trouble=run.trouble,
    )


class _Run:
    """The reader and its workers. A customer's orders go to one worker, in the file's order, and so never collide."""

    def __init__(self, layout: Layout, ledger: Ledger, settings: Settings, workers: int) -> None:
        self._layout = layout
        self._ledger = ledger
        self._settings = settings
        self._queues: list[Queue[_Job | None]] = [Queue(QUEUED_PER_WORKER) for _ in range(workers)]
        self._bug: BaseException | None = None
        self.stop = threading.Event()
        self.trouble: str | None = None

    def work_through(self, orders: Iterator[OrderRows], show: Callable[[], None]) -> None:
        """Do every order, or stop where `stop` is set; the progress is saved as it goes and at the end."""
        tick = self._ticker(show)
        threads = [threading.Thread(target=self._work, args=(queue,), daemon=True) for queue in self._queues]
        for thread in threads:
            thread.start()
        try:
            for number, order in enumerate(orders):
                job = self._read(number, order)
                self._put(self._queues[self._worker_of(job)], job, tick)
                if self.stop.is_set():
                    break
                tick()
        except UnreadableFile as error:
            # The orders before it are completed all the same.
            self.trouble = str(error)
        except BaseException:
            self.stop.set()
            raise
        finally:
            for queue in self._queues:
                self._put(queue, None, tick)
            for thread in threads:
                while thread.is_alive():
                    thread.join(TICK_SECONDS)
                    tick()
            self._ledger.save()
            show()
        if self._bug:
            raise self._bug

    def _read(self, number: int, order: OrderRows) -> _Job:
        try:
            return _Job(number, order, to_payload(self._layout, order.rows), "")
        except (RegularsError, ValueError) as error:
            return _Job(number, order, None, describe_problem(error))

    def _worker_of(self, job: _Job) -> int:
        who = job.payload.customer if job.payload else None
        name = (who.customer_id or who.email) if who else None
        return (zlib.crc32(name.encode()) if name else job.number) % len(self._queues)

    def _put(self, queue: "Queue[_Job | None]", job: _Job | None, tick: Callable[[], None]) -> None:
        while True:
            try:
                queue.put(job, timeout=TICK_SECONDS)
            except Full:
                tick()
            else:
                return

    def _work(self, queue: "Queue[_Job | None]") -> None:
        while (job := queue.get()) is not None:
            if self.stop.is_set():
                continue
            try:
                self._do(job)
            except _Stopped as stopped:
                self.trouble = self.trouble or str(stopped)
                self.stop.set()
            except BaseException as error:
                self._bug = error
                self.stop.set()

    def _do(self, job: _Job) -> None:
        outcome, reason = Outcome.REJECTED, job.reason
        if job.payload:
            try:
                outcome = Outcome.NEW if self._record(job.payload).created else Outcome.KNOWN
            except RegularsError as error:
                reason = error.detail
        self._ledger.record_outcome(job.number, job.order.end, outcome, job.order.rows, reason)

    def _record(self, payload: PurchasePayload) -> Recorded:
        waits = iter(RETRY_AFTER_SECONDS)
        while True:
            try:
                now = ShopTime(clock.now(), self._settings.zone)
                return take_purchase(payload, self._settings, now, imported=True)
            except (Busy, BotoCoreError, ClientError) as error:
                wait = next(waits, None)
                if wait is None or _is_hopeless(error):
                    raise _Stopped(explain(error)) from error
                if self.stop.wait(wait * random.uniform(0.5, 1.5)):  # noqa: S311 (spreads workers, guards nothing)
                    raise _Stopped(explain(error)) from error

    def _ticker(self, show: Callable[[], None]) -> Callable[[], None]:
        shown_at, saved_at = 0.0, time.monotonic()

        def tick() -> None:
            nonlocal shown_at, saved_at
            now = time.monotonic()
            if now - shown_at >= TICK_SECONDS:
                shown_at = now
                show()
            if now - saved_at >= SAVE_EVERY_SECONDS:
                saved_at = now
                self._ledger.save()

        return tick


@contextmanager
def _interruptible(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and a polite kill set `stop` instead of breaking off in the midst; a second one breaks off."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def take(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _identity(path: Path) -> str:
    """The same for the same content going into the same tables; a local AWS that was made anew has other ones."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    into = dynamodb.client().describe_table(TableName=dynamodb.CUSTOMERS.name)["Table"]
    digest.update(f"{into['TableArn']} {into['CreationDateTime'].isoformat()}".encode())
    return digest.hexdigest()


def _is_hopeless(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _HOPELESS
    return isinstance(error, NoCredentialsError | NoRegionError)
