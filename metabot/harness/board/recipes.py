"""How each method is trained for the board: budgets that let all of it be made in hours, and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metabot.harness.training import TrainingConfig

PROBLEMS = (
    "drive-odometry",
    "drive-blind",
    "drive-search",
    "drive-escort",
    "grasp-frames",
    "grasp-eye",
    "grasp-bin",
    "grasp-place",
    "drive-push-partner",
    "drive-pursuit-opponent",
)
"""Those whose faults feedback does not swallow, placing objects, new partners and opponents."""


@dataclass(frozen=True)
class Recipe:
    """How one method is trained.

    Attributes:
        env_steps: budget of control steps.
        tasks: tasks of an update.
        episodes: adaptation episodes of each task in training.
        settings: fields of the method's configuration that differ.
    """

    env_steps: int = 500_000
    tasks: int = 32
    episodes: int = 4
    settings: Mapping[str, Any] = field(default_factory=dict)

    def training(self, method: str, problem: str, seed: int) -> TrainingConfig:
        """The training of one cell."""
        return TrainingConfig(
            method=method,
            family=problem,
            seed=seed,
            env_steps=self.env_steps,
            tasks=self.tasks,
            episodes=self.episodes,
            settings=self.settings,
        )

    def command(self, method: str, problem: str, seed: int) -> str:
        """What a user types to train the same."""
        words = [f"metabot train {method} --family {problem} --seed {seed} --env-steps {self.env_steps}"]
        words.append(f"--tasks {self.tasks} --episodes {self.episodes}")
        for name, value in self.settings.items():
            text = ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
            words.append(f"--set {name}={text.lower() if isinstance(value, bool) else text}")
        return " ".join(words)


_BELIEF = {
    "belief_size": 8,
    "told": 0.5,
    "remembered": 4096,
    "samples": 192,
    "lesson": 192,
    "states": 64,
    "query_noise": 0.5,
    "weight_sets": 6,
    "outer_step": 0.004,
    "outer_decay": 0.88,
}
_REGRESSED = {
    "rewards": True,
    "features": 16,
    "digest_size": 10,
    "weight_sets": 6,
    "start_weight": 0.1,
    "max_gradient_norm": 20.0,
    "outer_step": 0.004,
    "outer_decay": 0.9,
    "samples": 128,
    "policy_steps": 250,
    "remembered": 2048,
}
METHODS: dict[str, Recipe] = {
    "task-inference": Recipe(env_steps=1_000_000, tasks=128, episodes=2, settings=_BELIEF),
    "online-inference": Recipe(env_steps=1_000_000, tasks=128, episodes=2, settings=_BELIEF),
    "ridge-dynamics": Recipe(env_steps=600_000, tasks=64, episodes=2, settings=_REGRESSED),
    "guided": Recipe(settings={"products": True, "outer_decay": 0.85}),
    "meta-sgd": Recipe(),
    "es-maml": Recipe(),
    "siamese": Recipe(),
}
"""By method; of six kinds."""
UNADAPTED = ("PPO", "imitation, 4 frames")
"""Who does without adaptation, by the names of `metabot.harness.measure.contestants`, on the same budget."""
UNADAPTED_RECIPE = Recipe()
_ARM = {
    "hidden": (64, 64, 64),
    "weight_sets": 6,
    "start_weight": 0.0,
    "support_states": False,
    "query_noise": 0.5,
    "max_gradient_norm": 20.0,
    "outer_step": 0.003,
    "policy_steps": 300,
}
_INFERRED_ARM = _ARM | {
    "expert_decay": 0.85,
    "told": 0.5,
    "belief_size": 12,
    "encoder_hidden": (128, 128),
    "change_size": 0.1,
    "outer_decay": 0.86,
    "outer_steps": 100,
    "samples": 192,
    "states": 4,
    "lesson": 256,
    "remembered": 4096,
}
_SEARCHING_ARM = _ARM | {
    "expert_decay": 0.78,
    "noise_log_std": -1.5,
    "told": 1.0,
    "belief_size": 12,
    "encoder_hidden": (64, 64),
    "change_size": 0.04,
    "query_steps": True,
    "outer_step": 0.02,
    "outer_decay": 0.9,
    "outer_steps": 200,
    "policy_step": 0.003,
    "policy_decay": 0.1,
    "policy_steps": 400,
    "samples": 192,
    "states": 0,
    "lesson": 320,
    "remembered": 4096,
}
_REGRESSED_ARM = _ARM | {
    "expert_decay": 0.86,
    "digest_size": 10,
    "outer_decay": 0.87,
    "samples": 150,
    "lesson": 150,
    "remembered": 2048,
}


def _arm(settings: Mapping[str, Any]) -> Recipe:
    return Recipe(env_steps=600_000, tasks=64, episodes=1, settings=settings)


_SEARCHING = Recipe(env_steps=768_000, tasks=64, episodes=2, settings=_SEARCHING_ARM)
SPECIAL: dict[tuple[str, str], Recipe] = {
    ("task-inference", "grasp-frames"): _arm(_INFERRED_ARM),
    ("online-inference", "grasp-frames"): _arm(_INFERRED_ARM),
    ("ridge-dynamics", "grasp-frames"): _arm(_REGRESSED_ARM),
    ("task-inference", "grasp-bin"): _SEARCHING,
    ("online-inference", "grasp-bin"): _SEARCHING,
}
"""By contestant and problem, where what suits a method elsewhere does not: an arm that does not know what is wrong
with it comes nowhere near what matters, and grasping takes a finer hand than driving."""


def recipe_of(contestant: str, problem: str) -> Recipe:
    """How a contestant is trained on a problem."""
    general = UNADAPTED_RECIPE if contestant in UNADAPTED else METHODS[contestant]
    return SPECIAL.get((contestant, problem), general)
