"""The points by which an answer is rewarded."""

from shared.loyalty.program import Bonus, Program
from shared.nps.survey import Survey


def points_for(survey: Survey, program: Program | None) -> int:
    """The points that the first answer earns: the survey's own, else the programme's; 0 without a programme."""
    if program is None:
        return 0
    return program.bonuses.get(Bonus.SURVEY_ANSWERED, 0) if survey.points is None else survey.points
