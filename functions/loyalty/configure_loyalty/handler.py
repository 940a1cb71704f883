"""GET, PUT /loyalty/program and /loyalty/rewards → the programme and its rewards as data."""

import re

from functions.loyalty.wiring import LOYALTY
from shared.core import clock, environment
from shared.core.errors import Invalid
from shared.edge.http import Request, Response, respond, serve
from shared.loyalty.actions import configuring
from shared.loyalty.payloads import REWARD_ID, ProgramPayload, RewardPayload
from shared.loyalty.store import catalogue, program_versions
from shared.loyalty.views import program_members, reward_members


def show_program(_request: Request) -> Response:
    """The version in force; version 0 is the default, not launched yet."""
    latest = program_versions.latest()
    if latest is None:
        proposed = ProgramPayload().to_program(clock.shop_time())
        return respond(200, {**program_members(proposed), "starts_at": None, "published_at": None})
    return respond(200, program_members(latest))


def change_program(request: Request) -> Response:
    """A new version, in force from now on; the same content again makes none."""
    payload, time = request.json(ProgramPayload), clock.shop_time()
    program = configuring.change_program(payload.to_program(time), payload.version, time.now)
    return respond(200, program_members(program))


def show_rewards(_request: Request) -> Response:
    """All rewards, those that are over included."""
    return respond(200, {"rewards": [reward_members(reward) for reward in catalogue.all_rewards()]})


def change_reward(request: Request) -> Response:
    """Add or replace a reward; members left out are not set."""
    reward = request.json(RewardPayload).to_reward(_reward_id(request), environment.settings().zone)
    return respond(200, reward_members(configuring.define_reward(reward)))


def _reward_id(request: Request) -> str:
    reward_id = request.path["reward_id"]
    if not re.fullmatch(REWARD_ID, reward_id):
        raise Invalid("reward_id: want up to 64 letters, digits, dots, hyphens and underscores, none of the last first")
    return reward_id


handler = serve(
    LOYALTY,
    {
        "GET /loyalty/program": show_program,
        "PUT /loyalty/program": change_program,
        "GET /loyalty/rewards": show_rewards,
        "PUT /loyalty/rewards/{reward_id}": change_reward,
    },
)
