"""MuJoCo Warp beside MuJoCo: the same worlds, the same interface, and what happens when its buffers are short."""

from __future__ import annotations

import sys
from functools import partial

import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch

from metabot.task import SpecError
from metabot_sim.backends.cpu import CPUBatch
from metabot_sim.env import FleetEnv

SIMS, ROBOTS = 4, 3
VEL = int(mujoco.mjtStage.mjSTAGE_VEL)


@pytest.fixture(scope="module")
def warp():
    """The backend's module; where the extra is not installed, these tests say so."""
    pytest.importorskip("mujoco_warp", reason="the extra `warp` is not installed: pip install 'metabot[warp]'")
    from metabot_sim.backends import warp

    return warp


def test_an_unknown_backend_is_refused_in_one_line() -> None:
    with pytest.raises(SpecError, match=r"backend: no 'cuda'; allowed: mujoco, warp, warp:cpu$"):
        FleetEnv("drive-goal", 1, robots=1, backend="cuda")


def test_without_the_package_the_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mujoco_warp", None)
    with pytest.raises(SpecError, match=r"^backend: 'warp' needs the extra `warp` \(pip install 'metabot\[warp\]'\)"):
        FleetEnv("drive-goal", 1, robots=1, backend="warp")


@pytest.mark.parametrize("family", ["drive-goal", "grasp-place"])
def test_a_start_by_copied_state_is_the_engines_own_start(family: str) -> None:
    ours, theirs = FleetEnv(family, SIMS), FleetEnv(family, SIMS)
    theirs.world.batch.reset = partial(Batch.reset, theirs.world.batch)  # type: ignore[method-assign]
    random = np.random.default_rng(0)
    for each in (ours, theirs):
        each.reset(seed=3)
    for step in range(40):
        actions = random.uniform(-1.0, 1.0, (SIMS, ours.num_robots, ours.max_action_size))
        for each in (ours, theirs):
            each.step(actions)
            if step in (15, 30):
                each.reset(ids=np.array([0, 2]))
        assert np.array_equal(ours.world.batch.state, theirs.world.batch.state)
        assert np.array_equal(ours.world.sensordata, theirs.world.sensordata)


def test_a_start_wakes_what_slept() -> None:
    model = mujoco.MjModel.from_xml_string("""
        <mujoco>
          <option><flag sleep="enable" gravity="disable"/></option>
          <worldbody><body><freejoint/><geom size=".1"/></body></worldbody>
        </mujoco>""")
    batch = CPUBatch(model, 2)
    batch.step(nstep=30)
    awake = batch.bind("tree_awake")
    assert not awake.any()
    batch.reset(np.array([1]), stage=mujoco.mjtStage.mjSTAGE_VEL)
    assert awake[:, 0].tolist() == [0, 1]


def pair(robots: int = ROBOTS, **options: object) -> tuple[FleetEnv, FleetEnv]:
    envs = tuple(
        FleetEnv("drive-goal", SIMS, robots=robots, backend=each, **options) for each in ("mujoco", "warp:cpu")
    )  # type: ignore[arg-type]
    for env in envs:
        env.reset(seed=1)
    return envs  # type: ignore[return-value]


def settle(cpu: FleetEnv, gpu: FleetEnv) -> None:
    """Let the wheels find the floor: robots start in exact touch, where rounding decides whether there is a contact."""
    idle = np.zeros((SIMS, cpu.num_robots, 2))
    for _ in range(4):
        cpu.step(idle)
        gpu.step(idle)
    gpu.world.qpos[:], gpu.world.qvel[:] = cpu.world.qpos, cpu.world.qvel
    gpu.world.batch.forward(stage=VEL)


def drive_both(cpu: FleetEnv, gpu: FleetEnv, steps: int = 20) -> None:
    """A second of drive-goal, with one robot's commands for both."""
    for _ in range(steps):
        actions = cpu.expert()
        ours, theirs = cpu.step(actions), gpu.step(actions)
        assert np.allclose(cpu.world.poses(), gpu.world.poses(), atol=2e-4)
        assert np.allclose(cpu.world.qvel, gpu.world.qvel, atol=5e-3)
        assert np.allclose(ours.observations, theirs.observations, atol=2e-3)
        assert np.allclose(ours.rewards, theirs.rewards, atol=2e-3)
        for name in ("success", "terminated", "truncated", "diverged"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
        assert np.array_equal(cpu.world.contacts(), gpu.world.contacts())


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestWarp:
    """What needs the package."""

    def test_a_second_of_drive_goal_agrees_with_the_cpu(self, warp) -> None:
        cpu, gpu = pair()
        assert isinstance(gpu.world.batch, warp.WarpBatch)
        settle(cpu, gpu)
        before = gpu.world.poses()
        drive_both(cpu, gpu)
        assert np.abs(gpu.world.poses() - before)[..., :2].max() > 0.3
        assert not gpu.world.batch.overflows.any()

    def test_masses_friction_and_damping_differ_between_simulations_as_on_the_cpu(self, warp) -> None:
        from metabot_sim.episodes import DAMPING, FRICTION, LINK_MASS, PAYLOAD

        cpu, gpu = pair(robots=1)
        episodes = cpu.episodes.take(np.arange(SIMS))
        for column, values in {
            PAYLOAD: (0.0, 2.0, 0.5, 0.0),
            LINK_MASS: (1.0, 1.3, 0.8, 1.0),
            FRICTION: (1.0, 0.2, 1.0, 0.6),
            DAMPING: (1.0, 3.0, 1.0, 0.5),
        }.items():
            episodes.robot_dynamics[:, 0, column] = values
        for env in (cpu, gpu):
            env.reset(episodes=episodes)
        settle(cpu, gpu)
        drive_both(cpu, gpu)
        assert np.array_equal(cpu.world.batch.get_model(1).body_mass, gpu.world.batch.get_model(1).body_mass)
        device = gpu.world.batch._m
        for name in ("body_mass", "body_subtreemass", "dof_invweight0", "body_invweight0"):
            expected = np.stack([getattr(cpu.world.batch.get_model(i), name) for i in range(SIMS)])
            assert np.allclose(getattr(device, name).numpy(), expected, rtol=1e-4), name

    def test_a_dead_motor_gives_no_force_as_on_the_cpu(self, warp) -> None:
        from metabot_sim.episodes import DEAD

        cpu, gpu = pair(robots=1)
        settle(cpu, gpu)
        for env in (cpu, gpu):
            env.episodes.robot_dynamics[1, 0, DEAD] = 0
        drive_both(cpu, gpu)
        for env in (cpu, gpu):
            forces = env.world.batch.bind("actuator_force")
            assert forces[1, 0] == 0.0 and (forces[[0, 2, 3], 0] != 0.0).all()

    def test_an_ended_episode_starts_anew_and_the_others_go_on(self, warp) -> None:
        cpu, gpu = pair()
        settle(cpu, gpu)
        for env in (cpu, gpu):
            env._steps[2] = env.horizon - 1
        others = [0, 1, 3]
        for _ in range(4):
            actions = cpu.expert()
            ours, theirs = cpu.step(actions), gpu.step(actions)
            assert np.array_equal(ours.truncated, theirs.truncated)
            # A robot that has just been put down bounces by rounding, see `settle`.
            assert np.allclose(cpu.world.poses()[others], gpu.world.poses()[others], atol=2e-4)
            assert np.allclose(cpu.world.poses()[2], gpu.world.poses()[2], atol=2e-2)
        assert (cpu._episode[2], gpu._episode[2], gpu._episode[0]) == (2, 2, 1)

    def test_a_simulation_that_diverges_is_reset_alone(self, warp) -> None:
        env = FleetEnv("drive-goal", SIMS, robots=1, backend="warp:cpu")
        env.reset(seed=0)
        env.step(np.zeros((SIMS, 1, 2)))
        env.world.qvel[1, 0] = np.nan
        done = env.step(np.zeros((SIMS, 1, 2)))
        assert done.diverged.tolist() == [False, True, False, False] and env.diverged_total == 1
        assert np.isfinite(done.observations).all() and np.isfinite(env.world.qvel).all()
        assert not env.step(np.zeros((SIMS, 1, 2))).diverged.any()

    @pytest.mark.parametrize(("setting", "value"), [("nconmax", 2), ("njmax", 8)])
    def test_buffers_that_are_too_small_are_reported_once_with_the_setting(self, warp, setting, value) -> None:
        small = partial(warp.WarpBatch, device="cpu", **{setting: value})
        with pytest.warns(
            warp.WarpOverflowWarning, match=rf"raise {setting} from {value}: .*{setting}={2 * value}\)"
        ) as seen:
            env = FleetEnv("drive-goal", SIMS, robots=ROBOTS, backend=small)
            env.reset(seed=0)
            for _ in range(3):
                env.step(np.zeros((SIMS, ROBOTS, 2)))
        assert sum(issubclass(each.category, warp.WarpOverflowWarning) for each in seen) == 1
        assert (env.world.batch.overflows > 0).any()

    def test_one_simulation_can_be_drawn(self, warp) -> None:
        _, gpu = pair()
        data = gpu.world.data(1)
        assert np.allclose(data.qpos, gpu.world.qpos[1]) and data.time == pytest.approx(gpu.world.batch.bind("time")[1])
        assert np.allclose(data.mocap_pos[:, :2], gpu.episodes.pads[1])

    def test_its_benchmark_gives_rows_and_wants_a_gpu(self, warp) -> None:
        from importlib.util import module_from_spec, spec_from_file_location

        from metabot.cli.bench import BENCHMARKS

        spec = spec_from_file_location("benchmarks.sim_warp", BENCHMARKS / "sim_warp.py")
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        (row,) = module.run(worlds=(2,), robots=1, steps=1, backend="warp:cpu")
        assert set(row) == {"case", "value", "unit", "peer", "ratio"} and row["value"] > 0
        import warp as wp

        if not wp.is_cuda_available():
            with pytest.raises(ValueError, match="sim_warp: Warp finds no CUDA device"):
                module.run(worlds=(2,), robots=1, steps=1)
