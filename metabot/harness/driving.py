"""What was trained drives the robots of a simulation that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from metabot.deploy.runtime import PolicySession
from metabot.harness.training import Training
from metabot.meta import adapted
from metabot.policy import Moment
from metabot.problems.partner import has_stated_tasks
from metabot.task import SpecError
from metabot_sim.env import FleetEnv, Transition
from metabot_sim.episodes import EpisodeBatch


class ExportedDriver:
    """An ONNX policy, one for all robots, each with a memory of its own; it is shown what the file asks for by name."""

    def __init__(self, session: PolicySession, name: str, env: FleetEnv) -> None:
        """Find what the policy observes.

        Args:
            session: the policy.
            name: as messages call it.
            env: whose robots are driven, a batch of one.

        Raises:
            SpecError: if it is a policy of other robots, or at another rate; one line.
        """
        contract = session.contract
        for robot in env.spec.robots:
            if robot.kind != contract.robot_kind:
                raise SpecError(f"policy: {name} drives a {contract.robot_kind}, {robot.name} is a {robot.kind}")
        _check_rate(name, contract.control_hz, env)
        self._session, self._env = session, env
        self._columns = _columns(name, contract.observation, len(contract.action), env)
        self.begin(-1)

    def begin(self, task: int) -> None:
        """See `metabot_sim.policies.Driver`."""
        self._seen, self._reward = self._env.observe(), None
        self._memory = self._session.begin(self._env.num_robots)

    def hear(self, done: Transition) -> None:
        """See `metabot_sim.policies.Driver`."""
        self._seen, self._reward = done.observations, done.rewards[0]

    def __call__(self) -> np.ndarray:
        """See `metabot_sim.policies.Driver`."""
        seen = np.take_along_axis(self._seen[0], self._columns, axis=1)
        action, self._memory = self._session.step(seen, self._memory, self._reward)
        return action[None]


class TrainedDriver:
    """A method's policy with its memory, after adaptation episodes to what the running episode hides.

    Trained with as many robots as there are, one adaptation is for all of them; trained with one robot,
    each adapts on its own. Dynamics that have changed are adapted to when the next episode begins.
    """

    def __init__(
        self,
        training: Training,
        name: str,
        env: FleetEnv,
        *,
        episodes: int = 0,
        seed: int = 0,
        parameters: Tensor | None = None,
    ) -> None:
        """Find what the policy observes.

        Args:
            training: whose policy drives.
            name: as messages call it.
            env: whose robots are driven, a batch of one.
            episodes: adaptation episodes of each task.
            seed: of those.
            parameters: (policy.layout.size,) adapted before; the method's start by default.

        Raises:
            SpecError: if the policy cannot drive these robots; one line.
        """
        self._training, self._env, self._episodes, self._seed = training, env, episodes, seed
        self._policy = training.learner.policy
        problem = training.problem
        robots = np.arange(env.num_robots)
        if not has_stated_tasks(problem):
            raise SpecError(f"policy: {name} was trained on {problem.name}; allowed: on a family of the simulation")
        if problem.name == env.family.name and problem.agents == env.num_robots:
            self._groups = [robots]
            self._columns = np.tile(np.arange(problem.observation_size), (len(robots), 1))
        elif problem.agents == 1:
            self._groups = list(robots[:, None])
            self._columns = _columns(name, problem.observation_names, problem.action_size, env)
        else:
            raise SpecError(
                f"policy: {name} was trained with {problem.agents} robots on {problem.name};"
                f" allowed: that family with --robots {problem.agents}"
            )
        _check_rate(name, problem.spec.control_hz, env)
        self._problem = problem
        self._parameters: Tensor | None = None
        if parameters is not None:
            self._parameters = parameters.expand(len(self._groups), -1)
        self._known: tuple[int, bytes, bytes] | None = None

    def begin(self, task: int) -> None:
        """See `metabot_sim.policies.Driver`."""
        episodes = self._env.episodes
        hidden = task, episodes.robot_dynamics.tobytes(), episodes.object_dynamics.tobytes()
        if self._parameters is None or (self._episodes and hidden != self._known):
            self._parameters = torch.stack([self._adapted(group, episodes) for group in self._groups])
            self._known = hidden
        rows = len(self._groups[0])
        with torch.no_grad():
            self._state = self._policy.begin(self._parameters, rows)
            self._action, self._reward = self._policy.before(self._parameters, rows)
        self._first, self._seen = 1.0, self._env.observe()

    def _adapted(self, group: np.ndarray, episodes: EpisodeBatch) -> Tensor:
        problem, scene = self._problem, self._env.spec
        # Of another family, in which the policy observes as much, only the dynamics count.
        spec = episodes.spec(scene, 0).model_copy(update={"family": problem.name})
        task = problem.state(spec, scene.robots[group[0]].name)
        learner, meta = self._training.learner, self._training.meta
        return adapted(learner, meta, problem, task, self._episodes, self._seed)

    def hear(self, done: Transition) -> None:
        """See `metabot_sim.policies.Driver`."""
        self._seen = done.observations
        self._reward = torch.from_numpy(done.rewards[0].astype(np.float32)).reshape(self._reward.shape)
        self._first = 0.0

    @torch.no_grad()
    def __call__(self) -> np.ndarray:
        """See `metabot_sim.policies.Driver`."""
        assert self._parameters is not None
        count, rows = len(self._groups), len(self._groups[0])
        seen = torch.from_numpy(np.take_along_axis(self._seen[0], self._columns, axis=1)).reshape(count, rows, -1)
        moment = Moment(seen, self._action, self._reward, torch.full((count, rows), self._first))
        self._action, self._state = self._policy.act(self._parameters, moment, self._state)
        return self._action.reshape(1, count * rows, -1).numpy()


def _columns(name: str, wanted: Sequence[str], action_size: int, env: FleetEnv) -> np.ndarray:
    """Where each robot observes what is wanted, (R, len(wanted))."""
    found = []
    for robot, names, size in zip(env.spec.robots, env.observation_names, env.action_sizes, strict=True):
        missing = [each for each in wanted if each not in names]
        if missing:
            raise SpecError(f"policy: {name} observes {missing[0]}, which {robot.name} of {env.family.name} does not")
        if size != action_size:
            raise SpecError(f"policy: {name} commands {action_size} numbers, {robot.name} takes {size}")
        found.append([names.index(each) for each in wanted])
    return np.array(found)


def _check_rate(name: str, control_hz: int, env: FleetEnv) -> None:
    if control_hz != env.spec.control_hz:
        raise SpecError(f"policy: {name} acts at {control_hz} Hz, {env.family.name} at {env.spec.control_hz} Hz")
