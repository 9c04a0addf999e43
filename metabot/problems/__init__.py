"""Problems: the distributions of tasks that meta-learners train on."""

from metabot.problems.problem import SPLITS, Outcome, Problem, Split, check_split
from metabot.problems.registry import PROBLEMS, make_problem

__all__ = ["PROBLEMS", "SPLITS", "Outcome", "Problem", "Split", "check_split", "make_problem"]
