"""Base learners by name. Adding one is a file beside this one and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metabot.base.expert_learner import Imitation, ImitationConfig
from metabot.base.learner import BaseLearner
from metabot.base.policies import policy_for
from metabot.base.ppo import PPO, PPOConfig
from metabot.base.q_learning import QLearning, QLearningConfig
from metabot.base.self_play import SelfPlay, SelfPlayConfig
from metabot.base.team_ppo import IPPO, MAPPO, TeamPPOConfig
from metabot.base.team_values import QMIX, VDN, TeamValuesConfig
from metabot.problems import Problem


@dataclass(frozen=True)
class Entry:
    """How a learner is made.

    Attributes:
        make: from a problem and a configuration.
        config: the configuration's class.
    """

    make: Callable[[Problem, Any], BaseLearner]
    config: type[Any]


def _ppo(problem: Problem, config: PPOConfig) -> PPO:
    if problem.discrete:
        raise ValueError(f"ppo: the actions of {problem.name} are discrete; allowed: continuous ones")
    return PPO(policy_for(problem), config)


BASE_LEARNERS: dict[str, Entry] = {
    "ppo": Entry(_ppo, PPOConfig),
    Imitation.name: Entry(Imitation, ImitationConfig),
    QLearning.name: Entry(QLearning, QLearningConfig),
    IPPO.name: Entry(IPPO, TeamPPOConfig),
    MAPPO.name: Entry(MAPPO, TeamPPOConfig),
    VDN.name: Entry(VDN, TeamValuesConfig),
    QMIX.name: Entry(QMIX, TeamValuesConfig),
    SelfPlay.name: Entry(SelfPlay, SelfPlayConfig),
}


def base_learner(name: str) -> Entry:
    """The learner of that name.

    Raises:
        ValueError: if there is none; one line.
    """
    if name not in BASE_LEARNERS:
        raise ValueError(f"learner: no {name!r}; allowed: {', '.join(sorted(BASE_LEARNERS))}")
    return BASE_LEARNERS[name]
