"""Tasks of gymnasium-robotics as families: the package's arm, our dynamics, experts that solve them."""

import subprocess
import sys

import mujoco
import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import DELAY, DRIVE_GAIN
from metabot_sim.experts.gaits import Gait
from metabot_sim.families.gymnasium_tasks import TASKS
from metabot_sim.families.registry import available, family
from metabot_sim.policies import Policy
from metabot_sim.robots.part import Part, package_file
from metabot_sim.robots.part.animals import ANIMALS

BODIES = list(ANIMALS)


def play(name: str, policy: str, split: str = "train", sims: int = 12, robots: int | None = None) -> np.ndarray:
    env = FleetEnv(name, sims, robots=robots, split=split, autoreset=Autoreset.DISABLED)  # type: ignore[arg-type]
    env.reset(0)
    act = Policy(policy, env)
    running = True
    while running:
        done = env.step(act())
        running = bool((done.alive & ~(done.terminated | done.truncated)).any())
    return done.success.all(axis=1)


@pytest.mark.parametrize("split", ["train", "held-out"])
@pytest.mark.parametrize("name", TASKS)
def test_the_expert_solves_it(name: str, split: str) -> None:
    # Of 12 episodes one may be lost; the figures of `metabot sim check` are of 256.
    assert play(name, "expert", split).sum() >= 11


@pytest.mark.parametrize("policy", ["random", "idle"])
@pytest.mark.parametrize("name", TASKS)
def test_chance_and_idleness_do_not(name: str, policy: str) -> None:
    assert play(name, policy).sum() <= 1


def test_five_arms_each_have_a_task_of_their_own() -> None:
    assert play("gymnasium:FetchReach-v4", "expert", sims=4, robots=5).all()


def test_the_hand_moves_as_in_the_package() -> None:
    """The same commands move the fingertips as far as in gymnasium-robotics, which needs a shim for this MuJoCo."""
    script = """
import mujoco, numpy as np
class Joint:
    mjJNT_FREE, mjJNT_BALL, mjJNT_SLIDE, mjJNT_HINGE = range(4)
import gymnasium, gymnasium_robotics
from gymnasium_robotics.utils import mujoco_utils
shim = type("shim", (), dict(vars(mujoco)))
shim.mjtJoint = Joint
mujoco_utils.mujoco = shim
env = gymnasium.make("FetchReach-v4").unwrapped
env.reset(seed=0)
start = env.data.site("robot0:grip").xpos.copy()
for command in np.repeat([[1, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, -0.5, 0]], 6, axis=0).astype(float):
    env.step(command)
    print(*(env.data.site("robot0:grip").xpos - start))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = np.array([line.split() for line in done.stdout.splitlines()[-18:]], dtype=float)
    spec = family("gymnasium:FetchReach-v4").template(1)
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    env.reset()
    start = env.world.positions()[0, 0].copy()
    ours = []
    for command in np.repeat([[1, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, -0.5, 0]], 6, axis=0).astype(float):
        env.world.step(command[None, None])
        ours.append(env.world.positions()[0, 0] - start)
    assert np.abs(np.array(ours) - theirs).max() < 0.012
    assert np.abs(theirs[-1]).min() > 0.05


@pytest.mark.parametrize("name", ["gymnasium:FetchPickAndPlace-v4", *BODIES[::2]])
def test_an_episode_does_not_depend_on_the_size_of_its_batch(name: str) -> None:
    def run(sims: int) -> np.ndarray:
        env = FleetEnv(name, sims)
        env.reset(3)
        return np.stack([env.step(env.expert()).observations[1] for _ in range(25)])

    assert np.array_equal(run(2), run(5))


def test_a_goal_in_the_air_survives_being_written_out() -> None:
    task = next(
        spec for number in range(9) if (spec := family("gymnasium:FetchPickAndPlace-v4").sample(number)).pads[0].z > 0.1
    )
    again = TaskSpec.parse(task.model_dump_json())
    assert again == task
    env = FleetEnv(again, 1)
    env.reset()
    assert env.episodes.pad_heights[0, 0] == pytest.approx(task.pads[0].z)
    assert env.world.data(0).body(f"pad:{task.pads[0].color}").xpos[2] == pytest.approx(task.pads[0].z, abs=0.01)


def test_hidden_gain_and_bias_turn_the_commands() -> None:
    env = FleetEnv(family("gymnasium:FetchReach-v4").template(1), 3, autoreset=Autoreset.DISABLED)
    env.reset()
    env.episodes.robot_dynamics[:, 0, 0] = (1.0, -1.0, 1.0)
    env.episodes.robot_dynamics[:, 0, 2] = (0.0, 0.0, np.pi / 2)
    start = env.world.positions()[:, 0].copy()
    for _ in range(5):
        env.world.step(np.tile([0.5, 0.0, 0.0, 0.0], (3, 1, 1)))
    x, y, _ = (env.world.positions()[:, 0] - start).T
    assert x[0] > 0.03 and x[1] < -0.03 and y[2] > 0.03
    assert np.abs([y[0], y[1], x[2]]).max() < 0.01


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_the_packages(name: str) -> None:
    """Masses, motors and the medium are those of the file; only the engine's integrator is the scene's."""
    animal = ANIMALS[name]
    theirs = mujoco.MjModel.from_xml_path(str(package_file(animal.body.file)))
    ours = FleetEnv(name, 1).world.model
    same = [k for k in range(1, ours.nbody) if ours.body_rootid[k] == ours.body("body/torso").id]
    assert ours.body_mass[same] == pytest.approx(theirs.body_mass[1:])
    assert np.array_equal(ours.actuator_gear, theirs.actuator_gear)
    assert np.array_equal(ours.jnt_range, theirs.jnt_range)
    assert (ours.opt.density, ours.opt.viscosity) == (theirs.opt.density, theirs.opt.viscosity)
    assert sorted(joint for part in animal.parts for joint in part) == sorted(
        theirs.joint(joint).name for joint in theirs.actuator_trnid[:, 0]
    )


@pytest.mark.parametrize("name", BODIES)
def test_who_does_not_know_the_hidden_dynamics_does_not_come_home(name: str) -> None:
    env = FleetEnv(name, 24, autoreset=Autoreset.DISABLED)
    env.reset(0)
    hidden = env.episodes.robot_dynamics.copy()
    for _ in range(env.horizon):
        env.episodes.robot_dynamics[..., DRIVE_GAIN] = 1.0
        actions = env.expert()
        env.episodes.robot_dynamics[...] = hidden
        done = env.step(actions)
    assert done.success.all(axis=1).mean() < 0.75


def test_a_body_is_home_where_its_pad_lies_and_not_before() -> None:
    env = FleetEnv("gymnasium:mamujoco/Swimmer-2x1-v1", 2, autoreset=Autoreset.DISABLED)
    env.reset(0)
    assert len(np.unique(env.episodes.pads[:, 0, 0])) == 2
    env.world.qpos[:, 0] = env.episodes.pads[:, 0, 0] + np.array([0.01, -0.01])
    done = env.step(np.zeros((2, 2, 1)))
    assert done.success.tolist() == [[True, True], [False, False]]
    assert done.observations[0, 0, 0] == pytest.approx(-0.01, abs=1e-3)


def test_what_a_gait_wants_reaches_late_and_reversed_motors_at_once() -> None:
    """Parts set off together, each commanding as far ahead as it is late; only what is fed back comes late."""
    env = FleetEnv("gymnasium:mamujoco/Swimmer-2x1-v1", 2, autoreset=Autoreset.DISABLED)
    late = env.episodes.take(np.zeros(2, dtype=int))
    late.robot_dynamics[..., DELAY] = [[0, 0], [3, 1]]
    late.robot_dynamics[..., DRIVE_GAIN] = [[1.0, 1.0], [-0.8, 0.9]]
    env.reset(episodes=late)
    part = env.world.group("part")
    assert isinstance(part, Part)
    gait = Gait(np.array([1.0, 0.1, 0.2, 0.5, 0.6, 0.3, -1.0, 0.0, 0.0]))
    torques = []
    for step in range(20):
        env.world.step(gait.command(np.full(2, step), 0.04, part, env.episodes.robot_dynamics))
        torques.append(env.world.ctrl.copy())
    seen = np.array(torques)
    assert seen[:3, 1] == pytest.approx(0.0) and seen[3:, 1] == pytest.approx(seen[:-3, 0])
    assert np.ptp(seen[:, 0], axis=0).min() > 0.9


def test_they_are_listed_and_an_unknown_one_is_one_line() -> None:
    assert set(TASKS) <= set(available())
    with pytest.raises(SpecError, match=r"^family: no 'gymnasium:Nope-v0'; allowed: gymnasium:FetchReach-v4, "):
        family("gymnasium:Nope-v0")


def test_a_body_has_as_many_parts_as_it_has() -> None:
    with pytest.raises(SpecError, match="allowed: 6 to 6"):
        FleetEnv("gymnasium:mamujoco/HalfCheetah-6x1-v1", 1, robots=2)
