"""How each method is trained for the board: budgets that let all of it be made in hours, and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    "states": 0,
    "lesson": 128,
    "policy_steps": 250,
    "remembered": 2048,
}
_MULTIPLIED = {"products": True, "weight_sets": 0, "start_weight": 1.0}
METHODS: dict[str, Recipe] = {
    "task-inference": Recipe(env_steps=1_000_000, tasks=128, episodes=2, settings=_BELIEF),
    "online-inference": Recipe(env_steps=1_000_000, tasks=128, episodes=2, settings=_BELIEF),
    "ridge-dynamics": Recipe(env_steps=400_000, tasks=64, episodes=2, settings=_REGRESSED),
    "guided": Recipe(settings={"products": True, "outer_decay": 0.85}),
    "meta-sgd": Recipe(),
    "es-maml": Recipe(),
    "siamese": Recipe(),
}
"""By method; of six kinds."""
ARM_STEPS = 250_000
"""Budget on arms, whose steps take several times as long, of what has no recipe of its own there."""
UNADAPTED = ("PPO", "imitation, 4 frames")
"""Who does without adaptation, by the names of `metabot.harness.measure.contestants`."""
UNADAPTED_RECIPE = Recipe()
"""On every problem the same."""
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
    "states": 0,
    "lesson": 150,
    "remembered": 2048,
}
_HUNTER = _BELIEF | {
    "told": 1.0,
    "query_steps": True,
    "encoder_hidden": (128, 128),
    "passes": 2,
    "outer_steps": 400,
}
_PLACED = {
    "hidden": (256, 256),
    "samples": 64,
    "outer_steps": 40,
    "outer_step": 0.001,
    "policy_steps": 400,
    "policy_states": 768,
    "expert_decay": 0.88,
    "query_noise": 0.3,
    "remembered": 4096,
    "follow": 1.0,
    "demonstrations": True,
    "demonstration_noise": 0.2,
}


def _arm(settings: Mapping[str, Any]) -> Recipe:
    return Recipe(env_steps=600_000, tasks=64, episodes=1, settings=settings)


_SEARCHING = Recipe(env_steps=768_000, tasks=64, episodes=2, settings=_SEARCHING_ARM)
_PARTNER = Recipe(env_steps=250_000, episodes=2, settings={"query_noise": 0.5})
SPECIAL: dict[tuple[str, str], Recipe] = {
    # What few steps leave open draws every guess towards what is usual, and its places lie further out than usual.
    ("online-inference", "drive-escort"): Recipe(500_000, 128, 2, _BELIEF | {"fewest": 150}),
    # A place beside a leader, and one on a turned map, is a product of what is seen and what is hidden.
    ("ridge-dynamics", "drive-escort"): Recipe(
        600_000, 64, 2, _REGRESSED | _MULTIPLIED | {"features": 32, "digest_size": 4}
    ),
    ("ridge-dynamics", "drive-odometry"): Recipe(600_000, 64, 2, _REGRESSED | _MULTIPLIED),
    # An evader is seen now and then, and seldom where it hides: much has to be looked at, twice, to tell where that is.
    ("task-inference", "drive-pursuit-opponent"): Recipe(1_500_000, 192, 2, _HUNTER),
    ("task-inference", "drive-push-partner"): _PARTNER,
    ("online-inference", "drive-push-partner"): _PARTNER,
    ("task-inference", "grasp-frames"): _arm(_INFERRED_ARM),
    ("online-inference", "grasp-frames"): _arm(_INFERRED_ARM),
    ("ridge-dynamics", "grasp-frames"): _arm(_REGRESSED_ARM),
    ("task-inference", "arm-reach"): replace(_arm(_INFERRED_ARM), env_steps=250_000),
    ("task-inference", "grasp-place"): _arm(_INFERRED_ARM),
    ("online-inference", "grasp-place"): _arm(_INFERRED_ARM),
    ("ridge-dynamics", "grasp-place"): _arm(_PLACED),
    ("task-inference", "grasp-bin"): _SEARCHING,
    ("online-inference", "grasp-bin"): _SEARCHING,
}
"""By method and problem, where what suits a method elsewhere does not: an arm that does not know what is wrong with it
comes nowhere near what matters, and grasping takes a finer hand than driving."""


def recipe_of(contestant: str, problem: str) -> Recipe:
    """How a contestant is trained on a problem."""
    if contestant in UNADAPTED:
        return UNADAPTED_RECIPE
    general = METHODS[contestant]
    if problem.startswith(("grasp", "arm")):
        general = replace(general, env_steps=ARM_STEPS)
    return SPECIAL.get((contestant, problem), general)
