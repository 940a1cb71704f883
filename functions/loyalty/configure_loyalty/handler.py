"""GET, PUT /loyalty/program and /loyalty/rewards → the programme and its rewards as data."""

import re

from shared.core import clock, environment
from shared.core.errors import Conflict, Invalid
from shared.edge.http import Request, Response, respond, serve
from shared.loyalty import program as loyalty
from shared.loyalty.payloads import REWARD_ID, ProgramPayload, RewardPayload
from shared.loyalty.program import Program
from shared.loyalty.store import catalogue as rewards
from shared.loyalty.store import program_versions as programs


def show_program(_request: Request) -> Response:
    """The version in force; version 0 is the default, not launched yet."""
    latest = programs.latest()
    if latest is None:
        proposed = ProgramPayload().to_program(clock.now(), environment.settings().zone)
        return respond(200, {**programs.to_members(proposed), "starts_at": None, "published_at": None})
    return respond(200, programs.to_members(latest))


def change_program(request: Request) -> Response:
    """A new version, in force from now on; the same content again makes none."""
    payload, now = request.json(ProgramPayload), clock.now()
    wanted = payload.to_program(now, environment.settings().zone)

    def decide(latest: Program | None) -> Program:
        version = latest.version if latest else 0
        if payload.version is not None and payload.version != version:
            raise Conflict(f"version {payload.version} was changed from, {version} is in force", version=version)
        return loyalty.next_version(latest, wanted, now)

    return respond(200, programs.to_members(programs.publish(decide)))


def show_rewards(_request: Request) -> Response:
    """All rewards, those that are over included."""
    return respond(200, {"rewards": [rewards.reward_members(one) for one in rewards.catalogue()]})


def change_reward(request: Request) -> Response:
    """Make a reward what the body says; what is left out is not set."""
    payload = request.json(RewardPayload)
    wanted = payload.to_reward(_reward_id(request), environment.settings().zone)
    program = programs.latest()
    if wanted.tier and program and not program.knows(wanted.tier):
        raise Invalid(f"tier: the programme has {', '.join(tier.name for tier in program.tiers)}")
    return respond(200, rewards.reward_members(rewards.define(wanted)))


def _reward_id(request: Request) -> str:
    reward_id = request.path["reward_id"]
    if not re.fullmatch(REWARD_ID, reward_id):
        raise Invalid("reward_id: want up to 64 letters, digits, dots, hyphens and underscores, none of the last first")
    return reward_id


handler = serve(
    {
        "GET /loyalty/program": show_program,
        "PUT /loyalty/program": change_program,
        "GET /loyalty/rewards": show_rewards,
        "PUT /loyalty/rewards/{reward_id}": change_reward,
    }
)
