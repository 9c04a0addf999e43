from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from metabot.base import drive_policy
from metabot.deploy.contract import PolicyContract, PolicyFileError
from metabot.deploy.export import export_policy
from metabot.deploy.runtime import PolicySession, usable_providers
from metabot.deploy.safety import SafetyLimits, filter_command
from metabot.problems import make_problem
from metabot.problems.interface import interface_of

POLICY = drive_policy()
CONTRACT = PolicyContract(interface_of(make_problem("drive-goal")), POLICY.layout.hash, 7, task_digest="d")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("onnx") / "policy.onnx"
    parameters = POLICY.initial(np.random.default_rng(0)) + 0.1
    return export_policy(path, POLICY, parameters, CONTRACT), parameters


def test_onnx_acts_as_pytorch_does(exported) -> None:
    file, parameters = exported
    assert file.parity_max_abs <= 1e-5
    session = PolicySession(file.path)
    for batch in (1, 7):
        observation = np.random.default_rng(batch).standard_normal((batch, POLICY.observation_size)).astype(np.float32)
        with torch.no_grad():
            expected = POLICY.mean(torch.from_numpy(parameters), torch.from_numpy(observation)).clamp(-1, 1).numpy()
        assert np.abs(session.act(observation) - expected).max() <= 1e-5
        assert np.abs(expected).max() > 0.1


def test_the_file_says_what_it_needs(exported) -> None:
    file, _ = exported
    session = PolicySession(file.path)
    made_with = session.contract.made_with
    assert set(made_with) == {"metabot", "torch", "onnx"}
    assert session.contract == replace(CONTRACT, made_with=made_with)
    assert session.sha256 == file.sha256
    onnx.checker.check_model(onnx.load(file.path))


def test_parameters_that_are_not_finite_are_not_exported(tmp_path: Path) -> None:
    parameters = POLICY.initial(np.random.default_rng(0))
    parameters[5] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        export_policy(tmp_path / "p.onnx", POLICY, parameters, CONTRACT)
    assert list(tmp_path.iterdir()) == []


def test_a_policy_takes_no_place_but_an_earlier_policys(tmp_path: Path, exported) -> None:
    parameters = POLICY.initial(np.random.default_rng(0))
    notes, folder, former = tmp_path / "notes.txt", tmp_path / "folder", tmp_path / "former.onnx"
    notes.write_text("mine")
    folder.mkdir()
    for path, line in ((notes, "is there already and is no policy"), (folder, "is a folder; allowed: the name of")):
        with pytest.raises(ValueError, match=f"^file: {path} {line}"):
            export_policy(path, POLICY, parameters, CONTRACT)
    assert notes.read_text() == "mine" and folder.is_dir() and len(list(tmp_path.iterdir())) == 2
    former.write_bytes(exported[0].path.read_bytes())
    assert export_policy(former, POLICY, parameters, CONTRACT).sha256 != exported[0].sha256


def test_unusable_files_are_refused_in_one_line(tmp_path: Path, exported) -> None:
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"junk")
    truncated = tmp_path / "truncated.onnx"
    truncated.write_bytes(exported[0].path.read_bytes()[:500])
    foreign = tmp_path / "foreign.onnx"
    model = onnx.load(exported[0].path)
    del model.metadata_props[:]
    onnx.save(model, foreign)
    for path, reason in (
        (tmp_path / "none.onnx", "No such file"),
        (junk, "not a readable"),
        (truncated, "not a"),
        (foreign, "not a policy exported by metabot"),
    ):
        with pytest.raises(PolicyFileError, match=reason) as caught:
            PolicySession(path)
        assert "\n" not in str(caught.value) and path.name in str(caught.value)


def test_weights_beside_a_file_are_found_or_named(tmp_path: Path, exported) -> None:
    model = onnx.load(exported[0].path)
    onnx.save_model(model, str(tmp_path / "apart.onnx"), save_as_external_data=True, location="apart.weights")
    observation = np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)
    whole, apart = PolicySession(exported[0].path), PolicySession(tmp_path / "apart.onnx")
    assert np.array_equal(whole.act(observation), apart.act(observation))
    (tmp_path / "apart.weights").unlink()
    with pytest.raises(PolicyFileError, match=r"apart\.onnx: its weights are in apart\.weights, which"):
        PolicySession(tmp_path / "apart.onnx")
    # Tensors that shapes depend on have to be in the file itself, see findings/onnx-external-shapes.sh.
    onnx.save_model(
        onnx.load(exported[0].path),
        str(tmp_path / "all.onnx"),
        save_as_external_data=True,
        location="all.weights",
        size_threshold=0,
    )
    with pytest.raises(PolicyFileError, match=r"not a readable ONNX file \(.*Cannot parse data from external tensors"):
        PolicySession(tmp_path / "all.onnx")
    # A file that travels has to hold everything.
    with pytest.raises(PolicyFileError, match=r"its weights are in apart\.weights"):
        PolicySession((tmp_path / "apart.onnx").read_bytes())


def test_the_provider_is_one_that_works_and_nothing_is_printed(exported, capfd: pytest.CaptureFixture[str]) -> None:
    session = PolicySession(exported[0].path, "auto")
    assert session.provider in ("CPUExecutionProvider", "CUDAExecutionProvider")
    assert capfd.readouterr().err == ""
    with pytest.raises(PolicyFileError, match="provider: 'tpu'; allowed: auto, cpu, cuda"):
        usable_providers("tpu")
    if not Path("/dev/nvidiactl").exists():
        with pytest.raises(PolicyFileError, match="no CUDA device"):
            PolicySession(exported[0].path, "cuda")


LIMITS = SafetyLimits()


@pytest.mark.parametrize(
    ("command", "age", "others", "robot", "expected", "reason"),
    [
        ([0.5, -0.2], 0.01, {}, "b", [0.5, -0.2], ""),
        ([3.0, -9.0], 0.01, {}, "b", [1.0, -1.0], ""),
        ([0.5, 0.5], 2.0, {}, "b", [0, 0], "no odometry for 2.0 s"),
        ([0.5, 0.5], float("nan"), {}, "b", [0, 0], "no odometry"),
        ([float("nan"), 0], 0.0, {}, "b", [0, 0], "the policy's command is not finite"),
        ([0.5, 0], 0.0, {"a": np.array([0.5, 0])}, "b", [0, 0], "giving way to a"),
        ([0.5, 0], 0.0, {"c": np.array([0.5, 0])}, "b", [0.5, 0], ""),
        ([0.5, 0], 0.0, {"a": np.array([0.7, 0])}, "b", [0.5, 0], ""),
    ],
)
def test_the_safety_filter(command, age, others, robot, expected, reason) -> None:
    result = filter_command(np.array(command), age, others, robot, LIMITS)
    assert result.command.tolist() == expected
    assert result.reason.startswith(reason) and bool(result.reason) == bool(reason)
