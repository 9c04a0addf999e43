"""The report of a run that really drove in MuJoCo, whole and damaged."""

import json
import math
import re
import shlex
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from metabot.demo.paths import write_paths
from metabot.demo.report import write_report
from metabot.demo.report.offscreen import NO_GL, NO_MOTION, make_video
from metabot.demo.summary import ControlRecord, OnnxRecord, RobotRecord, RoundRecord, Summary
from metabot.provenance import machine, versions
from metabot.task import Mission, RobotDynamics, TaskSpec, place
from metabot_sim.env import Autoreset, FleetEnv

SENTENCE = "three robots drive to the red, green and blue pads without touching each other"
FAULTS = (
    RobotDynamics(steer_gain=-1.0),
    RobotDynamics(drive_gain=0.7, steer_bias=0.2),
    RobotDynamics(drive_gain=-1.0, steer_gain=-1.0),
)
VOID = {"meta", "link", "br"}


def drive(spec: TaskSpec) -> dict[str, np.ndarray]:
    """Real poses: the scripted expert drives the fleet to its pads."""
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    env.reset()
    recorded = []
    for tick in range(spec.horizon_steps):
        poses = env.world.poses()
        recorded.append(np.column_stack([np.full(env.num_robots, tick / spec.control_hz), poses[0]]))
        if env.step(env.expert()).terminated[0]:
            break
    samples = np.stack(recorded, axis=1)
    return {robot.name: samples[index] for index, robot in enumerate(spec.robots)}


def make_run(run_dir: Path, goals=("red", "green", "blue"), rounds=8, instruction=SENTENCE) -> Summary:
    """A run directory as the demo leaves it."""
    run_dir.mkdir(parents=True, exist_ok=True)
    spec = place(Mission(goals=goals), seed=1).model_copy(update={"control_hz": 50})
    faulty = [robot.model_copy(update={"dynamics": FAULTS[i % 3]}) for i, robot in enumerate(spec.robots)]
    spec = spec.model_copy(update={"robots": tuple(faulty)})
    paths = drive(spec)
    write_paths(run_dir / "paths.json", paths)
    names = [robot.name for robot in spec.robots]
    summary = Summary(
        instruction=instruction,
        confidence=0.91,
        task=spec,
        algorithm="meta-sgd",
        rounds=[
            RoundRecord(
                version=index,
                success_before=0.02,
                success_after=min(1.0, index / 6),
                received=names[:-1] if index == 3 else names,
                missing=names[-1:] if index == 3 else [],
                rejected=[f"{names[0]}: 3 values are not finite"] if index == 5 else [],
                bytes=147_000 + index,
                env_steps=30_720,
                wall_s=3.5 + 0.1 * index,
            )
            for index in range(rounds)
        ],
        bytes_per_round=147_003.5,
        robots=[
            RobotRecord(
                name=robot.name,
                goal=robot.goal,
                fault=robot.dynamics.describe(),
                dynamics=robot.dynamics,
                before=0.03125,
                after=0.984375,
                no_adaptation=0.109375,
                finetune=0.296875,
                adaptation_episodes=8,
                trials=64,
                reached=True,
                contacts=0,
                driven_m=1.5,
            )
            for robot in spec.robots
        ],
        onnx=OnnxRecord(parity_max_abs=1.8e-7, p50_us=6.2, p99_us=9.9, files=[f"{name}.onnx" for name in names]),
        control=ControlRecord(rate_hz=20.0, ticks=612, missed_deadlines=3, jitter_p99_ms=0.42),
        fleet_reached=len(names),
        drive_s=float(max(samples[-1, 0] for samples in paths.values())),
        baseline_env_steps=245_760,
        fleet_env_steps=245_760,
        events=[f"round 4: {names[-1]} sent no update in time, and the quorum closed the round"],
        phases_s={"start_up": 9.0, "meta-training": 120.0, "drive": 8.0},
        wall_s=150.0,
        peak_rss_mb=2100.0,
        seed=7,
        versions=versions(),
        machine=machine(),
    )
    summary.write(run_dir / "summary.json")
    return summary


class Page(HTMLParser):
    """Parses strictly: every element is closed, in order, and every id is its own."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"
        assert len(set(self.ids)) == len(self.ids)

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.append(value)
            if key in ("src", "href", "xlink:href", "poster", "data"):
                self.links.append(value)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, Summary]:
    run_dir = tmp_path_factory.mktemp("run")
    return run_dir, make_run(run_dir)


@pytest.fixture
def no_gl(monkeypatch):
    """A machine whose off-screen OpenGL does not work; MuJoCo itself raises."""
    monkeypatch.setenv("MUJOCO_GL", "disable")


def page_of(run_dir: Path) -> Page:
    return Page((run_dir / "report.html").read_text(encoding="utf-8"))


def test_page_says_who_did_what_and_how_well(run, no_gl):
    run_dir, summary = run
    files = write_report(run_dir)
    page = page_of(run_dir)
    assert files.html == run_dir / "report.html"
    assert (
        "3 of 3 robots reached their pads; success with a fault rose from 3.1 % to 98.4 % after 8 episodes" in page.text
    )
    for robot in summary.robots:
        assert robot.name in page.text and robot.fault in page.text
    for figure in ("10.9 %", "29.7 %", "147.0 kB", "20 Hz", "612", "3 (0.49 %)", "0.42 ms", "1.8e-07", "9.9 µs"):
        assert figure in page.text
    assert "Round 4 (version 3): went on without robot_3" in page.text
    assert "refused robot_1: 3 values are not finite" in page.text
    assert summary.events[0] in page.text
    assert f"metabot demo {shlex.quote(SENTENCE)} --seed 7" in page.text
    assert summary.task.digest in page.text
    assert "mujoco" in page.text and summary.machine in page.text
    assert {"details", "h1", "h2"} <= set(page.tags)
    # Each robot moves and turns.
    assert page.tags.count("animatetransform") == 2 * 3


def test_page_needs_nothing_but_itself(run, no_gl):
    run_dir, _ = run
    write_report(run_dir)
    page = page_of(run_dir)
    assert "script" not in page.tags
    assert set(page.links) <= {"data:,", "fleet.gif", "fleet.mp4"}
    html = (run_dir / "report.html").read_text()
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", html)


def test_task_in_page_is_the_task(run, no_gl):
    run_dir, summary = run
    write_report(run_dir)
    text = "".join(page_of(run_dir).texts)
    begin = text.index('{\n  "family"')
    spec, _ = json.JSONDecoder().raw_decode(text[begin:])
    assert TaskSpec.model_validate(spec) == summary.task


def test_instruction_is_text_and_never_markup(tmp_path, no_gl):
    evil = "drive</title></style><script>alert('1')</script> \"to\" <img src=x onerror=y> & $(reboot)\nred"
    make_run(tmp_path, goals=("red",), instruction=evil)
    write_report(tmp_path)
    page = page_of(tmp_path)
    assert "script" not in page.tags and "img" not in page.tags
    assert " ".join(evil.split()) in page.text
    command = next(text for text in page.texts if text.startswith("metabot demo"))
    assert shlex.split(command) == ["metabot", "demo", evil, "--seed", "7"]


def test_picture_is_as_large_as_promised_and_shows_the_paths(run, no_gl):
    run_dir, _ = run
    image = iio.imread(write_report(run_dir).picture)
    assert image.shape[:2] == (900, 1200)
    for red, green, blue in ((214, 46, 46), (46, 158, 71), (41, 102, 209)):
        assert np.all(np.abs(image[..., :3].astype(int) - (red, green, blue)) < 6, axis=-1).sum() > 500


def test_without_opengl_a_note_and_an_animation_stand_in(run, no_gl):
    run_dir, summary = run
    (run_dir / "fleet.mp4").write_bytes(b"of an earlier report")
    files = write_report(run_dir)
    assert files.video is None and not (run_dir / "fleet.mp4").exists()
    assert files.video_note.startswith(NO_GL) and "MUJOCO_GL is set to disable" in files.video_note
    page = page_of(run_dir)
    assert files.video_note in page.text and "video" not in page.tags
    assert files.animation == run_dir / "fleet.gif" and "fleet.gif" in page.links
    assert files.animation.stat().st_size < 3_000_000
    with Image.open(files.animation) as animation:
        shown_ms = 0
        for index in range(animation.n_frames):
            animation.seek(index)
            shown_ms += animation.info["duration"]
        assert animation.n_frames > 10
    # Real time and a rest of 1.5 s on the last pose; each frame lasts 80 ms.
    assert shown_ms / 1000 == pytest.approx(summary.drive_s + 1.5, abs=0.17)


def test_video_plays_in_real_time(run, monkeypatch):
    run_dir, summary = run
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    files = write_report(run_dir)
    if files.video is None:
        assert files.video_note.startswith(NO_GL)
        pytest.skip(files.video_note)
    assert files.animation is None and not files.video_note
    assert "video" in page_of(run_dir).tags
    assert files.video.stat().st_size < 5_000_000
    about = iio.immeta(files.video, plugin="FFMPEG")
    assert about["codec"] == "h264" and about["pix_fmt"].startswith("yuv420p")
    frames = iio.imread(files.video, plugin="FFMPEG")
    assert frames.shape[1:] == (480, 640, 3)
    assert len(frames) == math.ceil(summary.drive_s * about["fps"]) + 1 + round(about["fps"])
    # The robots moved, and the arena fills the picture with something brighter than black.
    assert np.abs(frames[0].astype(int) - frames[-1].astype(int)).max() > 60
    assert frames[0].mean() > 80


def test_rendering_that_hangs_is_ended(run, tmp_path, monkeypatch):
    run_dir, _ = run
    hanging = tmp_path / "mujoco"
    hanging.mkdir()
    (hanging / "__init__.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("MUJOCO_GL", "egl")
    began = time.monotonic()
    note = make_video(run_dir, timeout_s=3.0, first_frame_s=1.0)
    assert note.startswith(NO_GL)
    assert 1.0 <= time.monotonic() - began < 3.0


@pytest.mark.parametrize("goals", [("yellow",), ("red", "green", "blue", "yellow", "orange", "purple")])
def test_any_number_of_robots_has_a_report(tmp_path, no_gl, goals):
    make_run(tmp_path, goals=goals)
    files = write_report(tmp_path)
    page = page_of(tmp_path)
    assert f"{len(goals)} of {len(goals)} robot" in page.text
    assert files.picture.exists() and files.animation is not None


@pytest.mark.parametrize(
    "paths", [None, "{}", '{"robot_1": []}', '{"robot_1": [[NaN, 0, 0, 0]]}', "{", '{"stranger": [[0, 0, 0, 0]]}']
)
def test_run_that_recorded_no_motion_has_a_report(run, tmp_path, paths):
    shutil.copy(run[0] / "summary.json", tmp_path)
    if paths is not None:
        (tmp_path / "paths.json").write_text(paths)
    files = write_report(tmp_path)
    assert (files.video, files.animation, files.video_note) == (None, None, NO_MOTION)
    assert "No motion was recorded" in page_of(tmp_path).text
    assert files.picture.exists()


def test_gaps_and_doubled_samples_are_drawn_around(run, tmp_path, no_gl):
    shutil.copy(run[0] / "summary.json", tmp_path)
    paths = json.loads((run[0] / "paths.json").read_text())
    paths["robot_1"][5][1] = math.nan
    paths["robot_2"] = paths["robot_2"][:10] + paths["robot_2"][5:]
    paths["robot_3"] = paths["robot_3"][:1]
    (tmp_path / "paths.json").write_text(json.dumps(paths))
    files = write_report(tmp_path)
    assert files.animation is not None
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+", "", page_of(tmp_path).text.lower())
    assert not re.search(r'="[^"]*\bnan\b', files.html.read_text())


def test_run_that_failed_early_has_a_report(run, tmp_path, no_gl):
    summary = run[1].model_copy(deep=True)
    summary.rounds, summary.robots, summary.events, summary.phases_s = [], [], [], {}
    summary.fleet_reached, summary.bytes_per_round, summary.drive_s = 0, math.nan, math.nan
    summary.onnx = OnnxRecord(parity_max_abs=math.nan, p50_us=math.nan, p99_us=math.nan, files=[])
    summary.control = ControlRecord(rate_hz=20, ticks=0, missed_deadlines=0, jitter_p99_ms=math.nan)
    summary.write(tmp_path / "summary.json")
    write_report(tmp_path)
    page = page_of(tmp_path)
    assert "0 of 3 robots reached their pads; success with a fault was not measured" in page.text
    assert "No round was finished" in page.text and "No robot was evaluated" in page.text


def test_figures_that_are_no_numbers_become_dashes(run, tmp_path, no_gl):
    summary = run[1].model_copy(deep=True)
    summary.robots[0].after = summary.robots[1].driven_m = math.nan
    summary.rounds[2].success_after = summary.rounds[2].wall_s = math.nan
    summary.write(tmp_path / "summary.json")
    shutil.copy(run[0] / "paths.json", tmp_path)
    write_report(tmp_path)
    page = page_of(tmp_path)
    assert "–" in page.text and not re.search(r"\bnan\b", page.text)


def test_what_is_no_summary_is_refused(tmp_path):
    with pytest.raises(OSError):
        write_report(tmp_path)
    (tmp_path / "summary.json").write_text('{"instruction": "drive"}')
    with pytest.raises(ValueError):
        write_report(tmp_path)
