"""Jobs that go over all customers: one run of a job at a time, its plan, its progress by segment, its result.

Of a job `NAME`: pk `NAME#<run id>`, sk `RUN`, `<STEP>#<segment>`, `BEGUN#<segment>`; pk `NAMES`, sk `LEASE`,
`UNFINISHED#<run id>`.
"""

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Protocol, TypeVar, cast

from shared.core import clock, environment
from shared.core.codec import SECONDS, As, members_of, to_members
from shared.core.dynamodb import CUSTOMERS, Cancelled, apply, optimistic
from shared.core.errors import Conflict
from shared.core.facts import to_timestamp
from shared.core.kind import Kind
from shared.edge import executions

KEEP_RUN: Final = timedelta(days=400)
KEEP_PARTS: Final = timedelta(days=30)
# Between the record of a run and its execution lies a single call.
_STARTS_WITHIN: Final = timedelta(minutes=1)


class Superseded(Conflict):
    """Another run has the lease: this run was given up and has nothing more to write."""


class Status(StrEnum):
    """How far a run is; FAILED, which is never stored, where its execution ended before its work."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


Segment = Annotated[int, As(int, int)]
Expiry = Annotated[datetime, SECONDS]
Figures = Annotated[
    Mapping[str, Any], As(lambda figures: json.dumps(figures, separators=(",", ":")), lambda text: json.loads(text))
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The execution of a state machine that asks for a plan, as its first step gets it."""

    run_id: str
    execution_arn: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run: when it was asked for, then its plan (for which day, in how many segments), then its result."""

    run_id: str
    status: Status
    execution_arn: str
    expires_at: Expiry
    requested_at: datetime | None = None
    as_of: date | None = None
    started_at: datetime | None = None
    segments: int | None = None
    finished_at: datetime | None = None
    figures: Figures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A segment as a step left it. The dataclass of each step adds its figures, which are whole numbers."""

    run_id: str
    segment: Segment
    milliseconds: int = 0
    expires_at: Expiry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A segment that a step has begun to write."""

    run_id: str
    segment: Segment
    expires_at: Expiry


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The run that may write."""

    run_id: str
    execution_arn: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run that began and has not come to its end."""

    run_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """A run, how far it is, and what its steps have put on record so far."""

    run: Run
    status: Status
    parts: tuple[Part, ...]


class Plan(Protocol):
    """A plan, as the first step hands it on to the others."""

    @property
    def total_segments(self) -> int:
        """Into how many segments the customers are split."""


P = TypeVar("P", bound=Part)


def to_answer(plan: Plan | None) -> dict[str, Any]:
    """A plan as the first step answers it to the state machine; None where the run has to wait for its turn."""
    if plan is None:
        return {"wait": True}
    return {"wait": False, "run": to_members(plan), "segments": list(range(plan.total_segments))}


def plan_segments(customers: int, per_segment: int, least: int, most: int) -> int:
    """Into how many segments so many customers are split, at `per_segment` in each."""
    return min(max(math.ceil(customers / per_segment), least), most)


class Job:
    """A job, as a state machine runs it: its items, and what its steps do with them.

    `Job("RESCORING", "rescoring", {"SCAN": ScannedSegment, "WRITE": WrittenSegment})`: `machine` names the state
    machine, and `parts` of each step that notes its segments the dataclass of what it notes.
    """

    def __init__(self, name: str, machine: str, parts: Mapping[str, type[Part]], *, lease: type[Lease] = Lease) -> None:
        run, all_runs, segment = f"{name}#{{run_id}}", f"{name}S", ("run_id", "segment")
        self.runs = Kind(Run, CUSTOMERS, run, "RUN", in_key=("run_id",))
        self.begun = Kind(Begun, CUSTOMERS, run, "BEGUN#{segment:05d}", in_key=segment)
        self.steps: Mapping[type[Part], Kind[Any]] = {
            part: Kind(part, CUSTOMERS, run, f"{step}#{{segment:05d}}", in_key=segment) for step, part in parts.items()
        }
        self.leases = Kind(lease, CUSTOMERS, all_runs, "LEASE")
        self.unfinished_runs = Kind(Unfinished, CUSTOMERS, all_runs, "UNFINISHED#{run_id}", in_key=("run_id",))
        # Every kind of item of the job.
        self.kinds = (self.runs, self.begun, *self.steps.values(), self.leases, self.unfinished_runs)
        self._machine_variable = f"{machine.upper()}_STATE_MACHINE_ARN"
        (self._id_in_lease,) = (member.stored for member in members_of(lease) if member.attribute == "run_id")

    def start(self, given: Mapping[str, Any], now: datetime) -> str:
        """Put a run on record and start its execution with an input; the run's id (1 write unit).

        The environment variable `<MACHINE>_STATE_MACHINE_ARN` says of which state machine.
        """
        machine_arn, run_id = environment.variable(self._machine_variable), executions.new_name()
        self.request(run_id, executions.arn_of(machine_arn, run_id), now)
        executions.start(machine_arn, run_id, given)
        return run_id

    def request(self, run_id: str, execution_arn: str, requested_at: datetime) -> None:
        """Put a run on record that is about to be started, if it is not there yet (1 write unit)."""
        run = Run(
            run_id=run_id,
            status=Status.QUEUED,
            execution_arn=execution_arn,
            expires_at=requested_at + KEEP_RUN,
            requested_at=requested_at,
        )
        with suppress(Cancelled):
            apply(self.runs.put_new(run))

    def enter(self, execution: Execution, now: datetime) -> datetime | None:
        """Put an execution's run on record and take the lease for it; the moment from which on it may write.

        None while another run is at work. Costs 1 read unit and 2 write units; once it has the lease, 1 and 1.
        """
        self.request(execution.run_id, execution.execution_arn, execution.started_at)
        return self.take_lease(execution.run_id, execution.execution_arn, now)

    @optimistic
    def take_lease(self, run_id: str, execution_arn: str, now: datetime) -> datetime | None:
        """Become the run that may write; since when it is, None while another run's execution is running.

        Costs 1 read unit and 1 write unit. Raises Busy where others keep taking it.
        """
        lease = self.leases.get()
        if lease and lease.run_id == run_id:
            return lease.started_at
        if lease and executions.is_running(lease.execution_arn):
            return None
        new = self.leases.entity_type(run_id=run_id, execution_arn=execution_arn, started_at=now)
        if lease:
            apply(self.leases.put(new, f"{self._id_in_lease} = :before", {":before": lease.run_id}))
        else:
            apply(self.leases.put_new(new))
        return now

    def check_lease(self, run_id: str) -> None:
        """Raises Superseded where another run has taken over (1 read unit)."""
        lease = self.leases.get()
        if lease is None or lease.run_id != run_id:
            raise Superseded("another run has taken over")

    def begin(self, execution: Execution, *, started_at: datetime, as_of: date, segments: int) -> None:
        """Put the plan of a run, which may write since `started_at`, on record; until it is closed it is unfinished.

        Costs 2 write units.

        Raises Superseded where it has finished already.
        """
        run = Run(
            run_id=execution.run_id,
            status=Status.RUNNING,
            execution_arn=execution.execution_arn,
            expires_at=started_at + KEEP_RUN,
            as_of=as_of,
            started_at=started_at,
            segments=segments,
        )
        try:
            apply(self.runs.put(run, "attribute_not_exists(finished_at)"))
        except Cancelled as cancelled:
            raise Superseded("this run has finished") from cancelled
        apply(self.unfinished_runs.put(Unfinished(run_id=execution.run_id, started_at=started_at)))

    def unfinished(self, *, but: str = "") -> dict[str, datetime]:
        """The runs that began and never came to their end, and when they began; not the named run."""
        return {run.run_id: run.started_at for run in self.unfinished_runs.query() if run.run_id != but}

    def is_first_try(self, run_id: str, segment: int, now: datetime) -> bool:
        """Put on record that a segment is being written; False where an earlier try began to (1 write unit)."""
        try:
            apply(self.begun.put_new(Begun(run_id=run_id, segment=segment, expires_at=now + KEEP_PARTS)))
        except Cancelled:
            return False
        return True

    def note_part(self, part: Part, began: datetime) -> None:
        """Put on record what a step, which `began` then, did with a segment until now (1 write unit per KB).

        A repeat replaces it. It is kept for KEEP_PARTS.
        """
        now = clock.now()
        milliseconds = round((now - began).total_seconds() * 1000)
        apply(self.steps[type(part)].put(replace(part, milliseconds=milliseconds, expires_at=now + KEEP_PARTS)))

    def parts(self, step: type[P], run_id: str) -> list[P]:
        """What a step put on record of the segments of a run, in their order (1 read unit per 4 KB)."""
        return self.steps[step].query(run_id=run_id)

    def finish(self, run_id: str, finished_at: datetime, figures: Mapping[str, Any]) -> None:
        """Put the result of a run on record, if there is none yet (1 write unit per KB)."""
        change = "SET #status = :status, finished_at = :finished_at, figures = :figures"
        values = {
            ":status": Status.SUCCEEDED.value,
            ":finished_at": to_timestamp(finished_at),
            ":figures": json.dumps(figures, separators=(",", ":")),
        }
        condition = "attribute_exists(sk) AND attribute_not_exists(finished_at)"
        key = self.runs.key(run_id=run_id)
        with suppress(Cancelled):
            apply(CUSTOMERS.update(key, change, condition, values, {"#status": "status"}))

    def figures(self, run_id: str) -> Mapping[str, Any] | None:
        """The result of a run, None before it has finished (1 read unit per 4 KB)."""
        run = self.runs.get(run_id=run_id)
        return run.figures if run else None

    def close(self, run_id: str, completed: Iterable[str] = ()) -> None:
        """Let the next run begin: this run is finished, and so are those whose work it has completed.

        Costs 1 write unit for each of them, and 1.
        """
        for finished in (*completed, run_id):
            apply(CUSTOMERS.delete(self.unfinished_runs.key(run_id=finished)))
        with suppress(Cancelled):
            apply(CUSTOMERS.delete(self.leases.key(), f"{self._id_in_lease} = :mine", {":mine": run_id}))

    def get(self, run_id: str, now: datetime) -> Progress | None:
        """A run and the progress of its steps (1 read unit per 4 KB); None where there is none of this id."""
        items = CUSTOMERS.query(self.runs.key(run_id=run_id)["pk"])
        run = next((self.runs.entity(item) for item in items if self.runs.owns(item)), None)
        if run is None:
            return None
        parts = (kind.entity(item) for item in items for kind in self.steps.values() if kind.owns(item))
        return Progress(run, _status(run, now), tuple(cast(Iterable[Part], parts)))


def _status(run: Run, now: datetime) -> Status:
    starts = run.status is Status.QUEUED and run.requested_at and now - run.requested_at <= _STARTS_WITHIN
    if run.status is Status.SUCCEEDED or starts or executions.is_running(run.execution_arn):
        return run.status
    return Status.FAILED
