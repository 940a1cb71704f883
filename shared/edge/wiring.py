"""How a capability is deployed, as data: its functions, what triggers them, what they may use, its jobs.

`functions/<capability>/wiring.py` holds these objects and nothing else; stacks, grants, alarms, the OpenAPI document
and the scopes of routes are made from them. Functions load it at every cold start, so it names models and never
imports them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Final

# The queue of starts by schedules that did not happen, without the stage and its `-failed`.
MISSED_SCHEDULES: Final = "schedules"


@dataclass(frozen=True, repr=False, eq=False)
class Route:
    """One route of the HTTP API, by its route key such as `POST /purchases/{order_id}/refunds`.

    `scope`: what a caller's key must carry; None is public.
    `body`: the model of the JSON body, in some `shared/<capability>/payloads.py`.
    `form`: the body may also come as an HTML form with the same names.
    `fields`: the fields of an HTML form that has no model.
    `page`: answers are HTML pages, refusals too.
    `answers`: the model of each status that is no refusal, in some `shared/<capability>/answers.py`; None has none.
    `query`: the parameters that the query may have.
    `throttle`: requests per second and at once of all callers together; None takes the API's.
    `operation`: the operation's id; a function with a single route is called by its own name, as `recordPurchase`.
    """

    key: str
    _: KW_ONLY
    summary: str
    scope: str | None = None
    body: str | None = None
    form: bool = False
    fields: tuple[str, ...] = ()
    page: bool = False
    answers: Mapping[int, str | None] = field(default_factory=lambda: {200: None})
    query: tuple[str, ...] = ()
    throttle: tuple[int, int] | None = None
    operation: str = ""

    @property
    def method(self) -> str:
        """`POST` of `POST /purchases`."""
        return self.key.partition(" ")[0]

    @property
    def path(self) -> str:
        """`/purchases` of `POST /purchases`."""
        return self.key.partition(" ")[2]


@dataclass(frozen=True, repr=False, eq=False)
class Queue:
    """The function takes messages of a queue, ten at a time; a message that fails comes again alone.

    A message that failed for good waits in the queue `<name>-failed`.

    `name`: the queue's; empty is the function's own.
    `at_once`: how many of the function run at a time at most, at least 2: a long queue leaves concurrency to the API.
    `patient`: a message is received 100 times, some five hours with a visibility timeout of three minutes, before it
    counts as failed; an alarm reports messages that wait for a quarter of an hour.
    `waits`: messages may wait on the due index for their time, and come back into the queue from there; the function
    may put items into the customers table.
    """

    name: str = ""
    _: KW_ONLY
    at_once: int = 2
    patient: bool = False
    waits: bool = False


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Hears(Queue):
    """The function hears every fact of some types, by a rule of the bus and a queue of its own.

    `imported`: True hears only purchases that were imported, False all but these: a queue that fills with an import
    lets what live customers do pass in another.
    """

    facts: tuple[str, ...] = ()
    imported: bool | None = None

    def __init__(
        self,
        *facts: str,
        queue: str = "",
        at_once: int = 2,
        patient: bool = False,
        waits: bool = False,
        imported: bool | None = None,
    ) -> None:
        super().__init__(queue, at_once=at_once, patient=patient, waits=waits)
        object.__setattr__(self, "facts", facts)
        object.__setattr__(self, "imported", imported)


@dataclass(frozen=True, init=False, repr=False, eq=False)
class MailEvents(Queue):
    """The function hears what becomes of mails, by SES's events of some types, their topic and a queue."""

    types: tuple[str, ...] = ()

    def __init__(self, *types: str, queue: str = "", at_once: int = 2) -> None:
        super().__init__(queue, at_once=at_once)
        object.__setattr__(self, "types", types)


@dataclass(frozen=True, repr=False, eq=False)
class Stream:
    """The function reads new facts off the stream of the customers table, in batches of a hundred.

    What it does not get done in six hours waits in the queue `<its name>-failed`, which `FAILED_QUEUE_URL` names.
    Beside its handler lies `open_members.json`: by type of fact the members that say nothing personal.
    """


@dataclass(frozen=True, repr=False, eq=False)
class Authorizer:
    """The function identifies the key of each request to a route with a scope; at most one function in all."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Schedule:
    """It starts every so many minutes or hours, or every night at a full hour of the shop's time zone; one of these."""

    every_minutes: int | None = None
    every_hours: int | None = None
    hour: int | None = None


Trigger = Route | Queue | Stream | Authorizer | Schedule


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Function:
    """A function, by the name of its folder; its environment names what it may use and no more.

    `customers`, `scorecards`: DynamoDB actions on that table, without the `dynamodb:`. TransactWriteItems has no
    action of its own: each of its items is authorised as a put, an update, a delete or a check.
    `partitions`: patterns of the partition keys of the customers table that it may touch, such as `CUST#*`; no pattern
    is all of them. A function behind a public route has them, and never those of API keys.
    `bucket`: S3 actions on the objects below `folders` of the data bucket, without the `s3:`.
    `signing_key`: reads the secret that signs tokens in links.
    `sends_mail`: may send as the shop's sender through the configuration set.
    `publishes`: may put events on the bus.
    `starts`: the job that it may start; `<JOB>_STATE_MACHINE_ARN` names it.
    `watches`: the job whose executions it may look up.
    `sends_due`: may send to every queue whose messages may wait on the due index.
    `links`: its environment says where links lead; every function that sends mail needs it.
    `layers`: files of `requirements/` that it needs besides `layer.txt`, such as `numeric`.
    `openapi`: its folder holds the HTTP contract, as `openapi.json`.
    `reserves`: where the account runs many functions at once, some of that is kept free for this one.
    `memory`: in MB; `timeout`: in seconds; None takes the default for its triggers.
    `alarm`: a sentence for the reader of the alarm: what it means that this function fails.
    `metrics`: the metrics of our own that it counts, each with a sentence for the reader of its alarm; functions that
    count the same share the alarm.
    """

    name: str
    triggers: tuple[Trigger, ...]
    customers: tuple[str, ...]
    scorecards: tuple[str, ...]
    partitions: tuple[str, ...]
    bucket: tuple[str, ...]
    folders: tuple[str, ...]
    signing_key: bool
    sends_mail: bool
    publishes: bool
    starts: str | None
    watches: str | None
    sends_due: bool
    links: bool
    layers: tuple[str, ...]
    openapi: bool
    reserves: bool
    memory: int | None
    timeout: int | None
    alarm: str
    metrics: Mapping[str, str]

    def __init__(
        self,
        name: str,
        *triggers: Trigger,
        customers: tuple[str, ...] = (),
        scorecards: tuple[str, ...] = (),
        partitions: tuple[str, ...] = (),
        bucket: tuple[str, ...] = (),
        folders: tuple[str, ...] = (),
        signing_key: bool = False,
        sends_mail: bool = False,
        publishes: bool = False,
        starts: str | None = None,
        watches: str | None = None,
        sends_due: bool = False,
        links: bool = False,
        layers: tuple[str, ...] = (),
        openapi: bool = False,
        reserves: bool = False,
        memory: int | None = None,
        timeout: int | None = None,
        alarm: str = "",
        metrics: Mapping[str, str] | None = None,
    ) -> None:
        # Written out, for a generated `__init__` takes no triggers by position.
        values = {**locals(), "metrics": metrics or {}}
        for member in self.__dataclass_fields__:
            object.__setattr__(self, member, values[member])

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes that it answers."""
        return tuple(trigger for trigger in self.triggers if isinstance(trigger, Route))

    def queue_name(self, queue: Queue) -> str:
        """The name of a queue that it takes messages of, without the stage."""
        return queue.name or self.name.replace("_", "-")

    def operation(self, route: Route) -> str:
        """The id of a route's operation: its own, or the function's name as `recordPurchase`."""
        first, *others = self.name.split("_")
        return route.operation or "".join((first, *map(str.capitalize, others)))


@dataclass(frozen=True, repr=False, eq=False)
class Step:
    """A step of a job: one function. What it needs beyond its input lies in the bucket or the tables.

    `each`: it is called for every segment of the plan, many at a time, each in an execution of its own.
    `when`: a member of the plan's `run`; the step is left out where that is false.
    """

    function: Function
    _: KW_ONLY
    each: bool = False
    when: str | None = None


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Job:
    """Something that goes over all customers, as the state machine `regulars-<stage>-<name>`.

    The first step plans: it gets `{"run_id", "execution_arn", "started_at", "input"}` and answers
    `{"wait": false, "run": {…}, "segments": [0, …]}`, or `{"wait": true}`, and is asked again 30 s later.
    Every later step gets `{"run": …}`; an `each` step `{"run": …, "segment": 7}`. A failed step is
    tried again, so each has to overwrite what it wrote before.

    `schedule`: when it starts by itself, with `input`.
    `timeout`: of an execution, in hours.
    `alarm`: a sentence for the reader of the alarm: what it means that the job failed.
    """

    name: str
    steps: tuple[Step, ...]
    schedule: Schedule | None
    input: Mapping[str, object]
    timeout: int
    alarm: str

    def __init__(
        self,
        name: str,
        *steps: Step,
        schedule: Schedule | None = None,
        input: Mapping[str, object] | None = None,  # noqa: A002 (the word that Step Functions has for it)
        timeout: int = 2,
        alarm: str = "",
    ) -> None:
        values = {**locals(), "input": input or {}}
        for member in self.__dataclass_fields__:
            object.__setattr__(self, member, values[member])


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Capability:
    """A capability by the name of its folders: its functions, and the jobs whose steps are functions too."""

    name: str
    parts: tuple[Function | Job, ...]

    def __init__(self, name: str, *parts: Function | Job) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parts", parts)

    @property
    def functions(self) -> tuple[Function, ...]:
        """All functions, steps of jobs included."""
        return tuple(
            function
            for part in self.parts
            for function in ((step.function for step in part.steps) if isinstance(part, Job) else (part,))
        )

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs."""
        return tuple(part for part in self.parts if isinstance(part, Job))

    def scopes(self, keys: Iterable[str]) -> dict[str, str | None]:
        """The scope of each route of the function that answers these route keys.

        Raises LookupError where they are not exactly the routes of one function.
        """
        wired = set(keys)
        for function in self.functions:
            scopes = {route.key: route.scope for route in function.routes}
            if scopes and scopes.keys() == wired:
                return scopes
        raise LookupError(f"no function of {self.name} is wired to exactly {', '.join(sorted(wired)) or 'no route'}")
