"""Meta-learners by name."""

from __future__ import annotations

from metabot.base import drive_policy
from metabot.meta.maml import MAML
from metabot.policy import GaussianMLP

META_LEARNERS: dict[str, type[MAML]] = {MAML.name: MAML}


def make_meta_learner(name: str, policy: GaussianMLP | None = None) -> MAML:
    """The meta-learner of that name with its default configuration.

    Args:
        name: a key of `META_LEARNERS`.
        policy: the policy it starts; the driving robot's by default.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in META_LEARNERS:
        raise ValueError(f"algorithm: no meta-learner {name!r}; allowed: {', '.join(sorted(META_LEARNERS))}")
    return META_LEARNERS[name](policy or drive_policy())
