"""Policies of every method as ONNX: memory in and out of the graph, contracts, proofs."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from metabot.base import rollout
from metabot.deploy.contract import METADATA_KEY, PolicyContract, PolicyFileError
from metabot.deploy.export import export_policy
from metabot.deploy.proof import prove
from metabot.deploy.runtime import PolicySession
from metabot.harness.exporting import export_trained
from metabot.harness.training import load_trained
from metabot.meta import META_LEARNERS, make_meta_learner
from metabot.policy import Policy
from metabot.policy.linear import eliminated
from metabot.problems import Problem, make_problem
from metabot.problems.interface import interface_of
from metabot.task import RobotDynamics
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.robots import diffdrive

MODELS = Path(__file__).parents[2] / "models"

# One of each kind of policy; they differ in what they are made of, not only in numbers.
SMALL = {
    "meta-sgd": {},
    "guided": {"products": True},
    "pearl": {},
    "ridge-dynamics": {"weight_sets": 2},
    "task-inference": {"weight_sets": 2},
    "online-inference": {"weight_sets": 2, "belief_size": 5},
    "dagger": {"hidden_size": 8},
    "rl2": {"hidden_size": 8},
    "rl2-transformer": {"width": 8, "heads": 2, "window": 20},
}
MEMORY = ("online-inference", "dagger", "rl2", "rl2-transformer")


@pytest.fixture(scope="module")
def problem() -> Problem:
    return make_problem("drive-goal")


def policy_of(method: str, problem: Problem) -> tuple[Policy, np.ndarray]:
    """A policy whose actions differ from one observation to the next: a start alone hardly moves."""
    learner = make_meta_learner(method, problem, **SMALL[method])
    rng = np.random.default_rng(5)
    start = learner.start(torch.from_numpy(learner.initial(rng))).numpy()
    return learner.policy, (start + 0.1 * rng.standard_normal(start.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def exported(problem: Problem, tmp_path_factory: pytest.TempPathFactory):
    """Session, policy and parameters of a method, exported once."""

    @cache
    def made(method: str) -> tuple[PolicySession, Policy, np.ndarray]:
        policy, parameters = policy_of(method, problem)
        contract = PolicyContract(interface_of(problem), policy.layout.hash, method=method, family=problem.name)
        path = tmp_path_factory.mktemp("onnx") / "p.onnx"
        export_policy(path, policy, parameters, contract)
        return PolicySession(path, "cpu"), policy, parameters

    return made


@pytest.mark.parametrize("method", SMALL)
def test_what_pytorch_did_in_real_episodes_onnx_does_from_the_same_observations(
    method: str, problem: Problem, exported
) -> None:
    session, policy, parameters = exported(method)
    assert bool(session.contract.state) == (method in MEMORY)
    rng = np.random.default_rng(1)
    tasks = problem.sample(rng, 5, "test")
    rows = torch.from_numpy(parameters).expand(5, -1)
    played = rollout(problem, policy, rows, tasks, 1, rng, deterministic=True)
    seen, done, paid = (part[:, 0].numpy() for part in (played.observations, played.actions, played.rewards))
    live = played.mask[:, 0].numpy() > 0
    memory, moved = session.begin(5), []
    for step in range(problem.horizon):
        action, memory = session.step(seen[:, step], memory, paid[:, step - 1] if step else None)
        assert np.abs(action - done[:, step].clip(-1.0, 1.0))[live[:, step]].max(initial=0.0) <= 1e-5
        moved.append(action)
    assert np.std(np.concatenate(moved), axis=0).min() > 1e-3


@pytest.mark.parametrize("method", MEMORY)
def test_a_reset_forgets_and_another_episode_does_not(method: str, exported) -> None:
    session, _, _ = exported(method)
    rng = np.random.default_rng(2)
    size = len(session.contract.observation)
    steps = [(rng.standard_normal((2, size)).astype(np.float32), rng.standard_normal(2)) for _ in range(30)]

    def run(memory, rewards=True):
        found = []
        for observation, reward in steps:
            action, memory = session.step(observation, memory, reward)
            found.append(action)
        return np.array(found), memory

    first, after = run(session.begin(2))
    again, _ = run(session.begin(2))
    assert np.array_equal(first, again)
    known, _ = run(after.next_episode())
    assert np.abs(known - first).max() > 1e-4
    # Whatever a memory holds, a reset makes it that which was exported; one robot of two forgets alone.
    forgotten, _ = run(replace(after, first=True, reset=True))
    assert np.array_equal(forgotten, first)


def test_a_memory_begins_with_what_the_policy_has_lived_through(problem: Problem, tmp_path: Path) -> None:
    learner = make_meta_learner("rl2", problem, hidden_size=8)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    rng = np.random.default_rng(3)
    task = problem.sample(rng, 1)
    adapted = learner.adapt(meta, learner.gather(meta, problem, task, 2, rng))[0].detach()
    contract = PolicyContract(interface_of(problem), learner.policy.layout.hash)
    for name, parameters in (("start", learner.start(meta)), ("adapted", adapted)):
        export_policy(tmp_path / f"{name}.onnx", learner.policy, parameters.numpy(), contract)
    start, lived = (PolicySession(tmp_path / f"{name}.onnx", "cpu") for name in ("start", "adapted"))
    seen = np.zeros((1, len(start.contract.observation)), np.float32)
    assert not np.allclose(start.step(seen, start.begin())[0], lived.step(seen, lived.begin())[0], atol=1e-7)


def test_rewards_are_asked_for_where_they_are_read(exported) -> None:
    reads, does_not = (exported(name)[0] for name in ("rl2", "dagger"))
    assert reads.contract.reads_reward and not does_not.contract.reads_reward
    seen = np.zeros((1, len(reads.contract.observation)), np.float32)
    _, memory = reads.step(seen, reads.begin())
    with pytest.raises(PolicyFileError, match="reward: none"):
        reads.step(seen, memory)
    _, memory = does_not.step(seen, does_not.begin())
    does_not.step(seen, memory)
    with pytest.raises(PolicyFileError, match="memory"):
        does_not.act(seen)


def test_actions_are_clipped_in_the_graph(problem: Problem, tmp_path: Path) -> None:
    policy, parameters = policy_of("meta-sgd", problem)
    contract = PolicyContract(interface_of(problem), policy.layout.hash)
    export_policy(tmp_path / "p.onnx", policy, parameters * 4.0, contract)
    session = PolicySession(tmp_path / "p.onnx", "cpu")
    seen = np.random.default_rng(0).standard_normal((64, policy.observation_size)).astype(np.float32)
    assert np.abs(session.act(seen)).max() == 1.0
    # What is not a number is not made into one: the safety filter is to see it.
    assert np.isnan(session.act(np.full_like(seen, np.nan))).all()


def test_a_file_that_acts_otherwise_is_not_written(problem: Problem, tmp_path: Path, monkeypatch) -> None:
    policy, parameters = policy_of("dagger", problem)
    contract = PolicyContract(interface_of(problem), policy.layout.hash)
    honest = PolicySession.step
    monkeypatch.setattr(
        PolicySession, "step", lambda *args, **more: (lambda done: (done[0] + 2e-5, done[1]))(honest(*args, **more))
    )
    for where in (None, problem):
        with pytest.raises(ValueError, match="parity"):
            export_policy(tmp_path / "p.onnx", policy, parameters, contract, problem=where)
    assert not list(tmp_path.iterdir())


def test_the_proof_sees_a_thousand_observations_and_equal_success(problem: Problem, exported) -> None:
    session, policy, parameters = exported("dagger")
    proof = prove(session, policy, torch.from_numpy(parameters), problem)
    assert proof.observations >= 1000 and proof.episodes == 128 and proof.success[0] == proof.success[1]
    other = torch.from_numpy(parameters.copy())
    other[:50] += 0.01
    with pytest.raises(ValueError, match="parity"):
        prove(session, policy, other, problem)


def graph(inputs: dict[str, list], outputs: dict[str, list], contract: PolicyContract, path: Path) -> Path:
    """A hand-made ONNX file with a good contract: its outputs are constants."""
    nodes = [
        helper.make_node(
            "Constant", [], [name], value=helper.make_tensor(name, TensorProto.FLOAT, [1, *shape], [0.0] * shape[0])
        )
        for name, shape in outputs.items()
    ]
    made = helper.make_graph(
        nodes,
        "hand",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *shape]) for name, shape in outputs.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, contract.to_json()
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"obs": [6]}, {"action": [2]}),
        ({"observation": [8]}, {"action": [2]}),
        ({"observation": [6]}, {"action": [3]}),
        ({"observation": [6]}, {"value": [2], "action": [2]}),
        ({"observation": [6], "state_0": [4]}, {"action": [2]}),
    ],
)
def test_a_graph_that_breaks_its_contract_is_refused_when_it_is_loaded(inputs, outputs, problem, tmp_path) -> None:
    contract = PolicyContract(interface_of(problem), "hash")
    good = graph({"observation": [6]}, {"action": [2]}, contract, tmp_path / "good.onnx")
    assert PolicySession(good, "cpu").act(np.zeros((1, 6), np.float32)).shape == (1, 2)
    with pytest.raises(PolicyFileError) as caught:
        PolicySession(graph(inputs, outputs, contract, tmp_path / "bad.onnx"), "cpu")
    assert "bad.onnx" in str(caught.value) and "contract" in str(caught.value) and "\n" not in str(caught.value)


QUANTITIES = {
    ("goal_forward", "m", "base"): lambda goal, twist: goal[:, 0],
    ("goal_left", "m", "base"): lambda goal, twist: goal[:, 1],
    ("goal_cos", "1", "base"): lambda goal, twist: goal[:, 0] / np.hypot(*goal.T),
    ("goal_sin", "1", "base"): lambda goal, twist: goal[:, 1] / np.hypot(*goal.T),
    ("forward_speed", "m/s", "base"): lambda goal, twist: twist[:, 0],
    ("yaw_rate", "rad/s", "base"): lambda goal, twist: twist[:, 1],
}
"""What somebody measures on a robot, in SI units and in the frame of its base (x ahead, y left)."""


@pytest.mark.parametrize("method", ["meta-sgd", "dagger"])
def test_a_file_drives_in_si_units_from_its_metadata_alone(method: str, tmp_path: Path) -> None:
    """As another language would: ONNX Runtime, the JSON in the file and sensors; nothing of metabot reads the file."""
    path = tmp_path / "it.onnx"
    training = load_trained(MODELS / f"{method}-drive-goal")
    healthy = training.problem.state(training.problem.spec)  # type: ignore[attr-defined]
    # Who remembers nothing has adapted to one robot; the other finds out on the way which one it is.
    export_trained(training, path, **({"task": healthy, "episodes": 8} if method == "meta-sgd" else {}))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    said = json.loads(session.get_modelmeta().custom_metadata_map["metabot"])
    robot = said["robot"]
    assert [(term["name"], term["unit"]) for term in robot["action"]] == [("forward", "m/s"), ("turn", "rad/s")]
    env = FleetEnv("drive-goal", 24, robots=1, autoreset=Autoreset.DISABLED)
    assert robot["control_hz"] == env.spec.control_hz
    drawn = env.family.draw(env.spec, "train", np.arange(24), np.arange(24))
    if not said["state"]:
        drawn.robot_dynamics[:] = np.array(RobotDynamics().as_tuple())
    observed = env.reset(episodes=drawn)[:, 0]
    state = {each["name"]: np.zeros((24, *each["shape"]), np.float32) for each in said["state"]}
    last = np.zeros((24, 2), np.float32)
    for step in range(env.horizon):
        pose, twist = env.world.poses()[:, 0], env.world.twists()[:, 0]
        away, (cos, sin) = env.world.goals[:, 0] - pose[:, :2], (np.cos(pose[:, 2]), np.sin(pose[:, 2]))
        goal = np.stack([cos * away[:, 0] + sin * away[:, 1], cos * away[:, 1] - sin * away[:, 0]], axis=1)
        seen = np.stack(
            [
                (QUANTITIES[term["name"], term["unit"], term["frame"]](goal, twist) - term["offset"]) / term["scale"]
                for term in robot["observation"]
            ],
            axis=1,
        ).astype(np.float32)
        assert np.abs(seen - observed).max() < 1e-4
        first = np.full(24, float(step == 0), np.float32)
        known = {"observation": seen, "last_action": last, "first": first, "reset": first} | state
        found = dict(
            zip(
                [each.name for each in session.get_outputs()],
                session.run(None, {each.name: known[each.name] for each in session.get_inputs()}),
                strict=True,
            )
        )
        assert np.abs(found["action"]).max() <= 1.0
        told = found["action"] * [term["scale"] for term in robot["action"]]
        state, last = {name: found[f"{name}_next"] for name in state}, found["action"]
        # The robot takes m/s and rad/s: 1 and 3 of them are all that it does.
        done = env.step((told / [diffdrive.MAX_SPEED_MPS, diffdrive.MAX_YAW_RATE_RADPS])[:, None])
        observed = done.observations[:, 0]
    assert done.success.mean() >= 0.85


def test_files_of_the_format_before_are_read(problem: Problem, tmp_path: Path) -> None:
    old = {
        "robot_kind": "diffdrive",
        "observation": ["a", "b", "c", "d", "e", "f"],
        "action": ["forward", "turn"],
        "control_hz": 20,
        "layout_hash": "x",
        "version": 3,
        "task_digest": "d",
        "format": 1,
    }
    path = graph(
        {"observation": [6]}, {"action": [2]}, PolicyContract(interface_of(problem), "x"), tmp_path / "old.onnx"
    )
    model = onnx.load(path)
    model.metadata_props[0].value = json.dumps(old)
    onnx.save(model, path)
    contract = PolicySession(path, "cpu").contract
    assert contract.observation == tuple("abcdef") and contract.robot_kind == "diffdrive" and contract.version == 3
    model.metadata_props[0].value = json.dumps(old | {"format": 99})
    onnx.save(model, path)
    with pytest.raises(PolicyFileError, match="format 99"):
        PolicySession(path, "cpu")


def test_elimination_solves_what_is_positive_definite() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 12):
        root = rng.standard_normal((50, size, size))
        matrix = torch.from_numpy(root @ root.transpose(0, 2, 1) + 0.02 * np.eye(size))
        vector = torch.from_numpy(rng.standard_normal((50, size)))
        assert torch.allclose(eliminated(matrix, vector), torch.linalg.solve(matrix, vector), rtol=1e-8, atol=1e-8)


def test_every_method_is_of_a_kind_that_is_tested_here(problem: Problem) -> None:
    kinds = {type(policy_of(method, problem)[0]) for method in SMALL}
    for name in META_LEARNERS:
        try:
            learner = make_meta_learner(name, problem)
        except ValueError:
            continue
        assert type(learner.policy) in kinds, name
