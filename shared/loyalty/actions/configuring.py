"""The programme and its rewards, as the shop sets them."""

from dataclasses import replace
from datetime import datetime

from shared.core.dynamodb import apply, optimistic
from shared.core.errors import Invalid
from shared.loyalty.program import Program, next_version
from shared.loyalty.reward import Reward, check_room
from shared.loyalty.store import catalogue, program_versions


@optimistic
def change_program(proposed: Program, changed_from: int | None, now: datetime) -> Program:
    """Put a version in force from now on, if it changes anything: 1 read unit, 1 write unit per KB.

    `changed_from` is the version that the change was made from, 0 for none, None where it does not matter. Raises
    Conflict where another is in force, Invalid where it would start in the future.
    """
    latest = program_versions.latest()
    program = next_version(latest, proposed, now, changed_from)
    if program != latest:
        apply(program_versions.put(program))
    return program


def define_reward(reward: Reward) -> Reward:
    """Add a reward or replace its definition; the number taken already stays (1 read unit, 1 write unit).

    Raises Invalid for a tier that the programme does not have, Conflict where the catalogue is full.
    """
    if reward.tier:
        _check_tier(reward.tier)
    rewards = catalogue.all_rewards()
    check_room(rewards, reward.reward_id)
    apply(catalogue.define(reward))
    before = next((other for other in rewards if other.reward_id == reward.reward_id), None)
    return replace(reward, redeemed=before.redeemed) if before else reward


def _check_tier(tier: str) -> None:
    program = program_versions.latest()
    if program and not program.knows(tier):
        raise Invalid(f"tier: the programme has {', '.join(tier.name for tier in program.tiers)}")
