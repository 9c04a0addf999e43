"""A world that is shown where everything is observes what a world with physics observes."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.registry import GYMNASIUM, available, family
from metabot_sim.frames import in_frame
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.car import CarGroup
from metabot_sim.shadow import Shadow

FAMILIES = [name for name in available() if not name.startswith(GYMNASIUM)]
STEPS = 120


def show(env: FleetEnv, shadow: Shadow) -> None:
    """What sensors would say of the state of an environment; cars go by their odometry."""
    world = env.world
    for group in world.groups:
        if isinstance(group, CarGroup):
            poses = group.poses()
            turned = poses.copy()
            turned[..., :2] = 0.0
            moving = in_frame(turned, group.velocities()[..., :2])
            for number, robot in enumerate(group.robots):
                twist = np.array([*moving[0, number], group.velocities()[0, number, 2]])
                shadow.show_car(robot.name, poses[0, number], twist)
        elif isinstance(group, Arm):
            for number, robot in enumerate(group.robots):
                positions, velocities = group.joint_states(number)
                pressed = bool(group.pressed()[0, number])
                shadow.show_arm(robot.name, positions[0], velocities[0], pressed)
    for number, thing in enumerate(world.spec.objects):
        shadow.show_object(
            thing.name,
            world.object_positions()[0, number],
            world.object_quaternions()[0, number],
            world.qvel[0, world._object_vel[number]],
        )


def sampled(name: str) -> TaskSpec:
    spec = family(name).sample(4)
    healthy = family(name).spec().robots[0].dynamics
    robots = tuple(robot.model_copy(update={"dynamics": healthy}) for robot in spec.robots)
    return spec.model_copy(update={"robots": robots})


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_observed_and_mastered_through_what_sensors_say(name: str) -> None:
    spec = sampled(name)
    env, shadow = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED), Shadow(spec)
    seen = env.reset(episodes=EpisodeBatch.of(spec, 1))[0]
    assert np.array_equal(shadow.reset(), seen)
    for _ in range(STEPS):
        actions = shadow.expert()
        assert np.allclose(actions, env.expert()[0], atol=1e-5)
        shadow.act(actions)
        done = env.step(actions[None])
        if done.terminated[0] or done.truncated[0]:
            break
        show(env, shadow)
        assert np.allclose(shadow.look(), done.observations[0], atol=1e-5)
        assert np.array_equal(shadow.success, done.success[0])


def test_what_is_hidden_is_not_told() -> None:
    spec = family("drive-goal").sample(4)
    assert spec.robots[0].dynamics != family("drive-goal").spec(1).robots[0].dynamics
    plain, expert = Shadow(spec), Shadow(spec, told=True)
    assert np.array_equal(plain.reset(), expert.reset())
    assert not np.allclose(plain.expert(), expert.expert())


def test_what_is_not_there_cannot_be_shown() -> None:
    shadow = Shadow(family("grasp-frames").spec(1))
    with pytest.raises(KeyError):
        shadow.show_car("arm_1", np.zeros(3), np.zeros(3))
    with pytest.raises(KeyError):
        shadow.show_object("box_9", np.zeros(3), np.array([1.0, 0, 0, 0]), np.zeros(6))
    with pytest.raises(SpecError, match="kind: fetch; allowed"):
        Shadow(family("gymnasium:FetchReach-v4").spec())
