"""The report of a run that really drove in MuJoCo, whole and damaged."""

import doctest
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
from rich.console import Console

from metabot.demo.console import DemoConsole
from metabot.demo.paths import UNADAPTED_PATHS, write_paths
from metabot.demo.report import faults, view, write_report
from metabot.demo.report import proportion as proportion_module
from metabot.demo.report import words as words_module
from metabot.demo.report.load import load_summary
from metabot.demo.report.offscreen import NO_GL, NO_MOTION, make_video
from metabot.demo.report.proportion import wilson
from metabot.demo.summary import (
    BaselineRecord,
    ControlRecord,
    CrossMatrix,
    FaultRecord,
    OnnxRecord,
    RobotRecord,
    RoundRecord,
    Summary,
    UnadaptedDrive,
)
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


def make_matrix(success: list[list[float]], foreign: int = 0) -> CrossMatrix:
    """A cross matrix whose first faults are the robots' and whose last so many are foreign."""
    count = len(success)
    others = [RobotDynamics(heading_offset=0.3 * (i + 1), delay_steps=i % 3) for i in range(count)]
    dynamics = [*FAULTS, *others][:count]
    off = [success[i][j] for i in range(count) for j in range(count) if i != j]
    return CrossMatrix(
        faults=[
            FaultRecord(
                name=each.describe(), dynamics=each, foreign=i >= count - foreign, before=0.0, after=success[i][i]
            )
            for i, each in enumerate(dynamics)
        ],
        success=success,
        trials=128,
        off_diagonal=float(np.mean(off)) if off else None,
        largest=max(off) if off else None,
    )


def uniform(count: int, own: float, other: float) -> list[list[float]]:
    return [[own if i == j else other for j in range(count)] for i in range(count)]


def make_compared_run(run_dir: Path, success: list[list[float]], **options) -> Summary:
    """A run with all that there is to compare: another's faults, baselines, the drive before adaptation."""
    summary = make_run(run_dir, **options)
    summary.cross_matrix = matrix = make_matrix(success, foreign=1)
    count = len(matrix.faults)
    ppo = BaselineRecord(
        name="PPO", adapts=False, times=1, env_steps=245_760, train_s=20.5, success=[0.0625] * (count - 1) + [0.6875]
    )
    summary.baselines = [
        ppo,
        ppo.model_copy(update={"times": 5, "env_steps": 1_228_800, "train_s": 78.8, "success": [0.125] * count}),
        ppo.model_copy(update={"name": "PPO, fine-tuned", "adapts": True, "success": [0.25] * count}),
    ]
    for robot in summary.robots:
        robot.no_adaptation_more = 0.171875
    summary.robots[0].foreign = True
    robots = [robot.name for robot in summary.robots]
    summary.unadapted = UnadaptedDrive(reached=[False] * len(robots), contacts=[0] * len(robots), drive_s=6.04)
    paths = json.loads((run_dir / "paths.json").read_text())
    # The first half of the way, as of robots that were stopped.
    write_paths(
        run_dir / UNADAPTED_PATHS, {name: np.array(samples)[: len(samples) // 2] for name, samples in paths.items()}
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


# -- what a run was compared with -------------------------------------------------------------------


SECTIONS = ("Adapted to one fault, driven with another", "Without adaptation")


def rows_of(html: str, table: str) -> list[list[str]]:
    """Texts of the cells of a table's body, row by row."""
    body = re.search(rf'<table class="[^"]*\b{table}\b[^"]*">.*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    assert body is not None
    return [
        [Page(cell).text for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body[1], re.DOTALL)
    ]


@pytest.mark.parametrize("module", [faults, proportion_module, view, words_module], ids=lambda module: module.__name__)
def test_examples_hold(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


def test_interval_is_where_the_score_test_does_not_reject():
    """Wilson's ends are the rates from which the observed one is just 1.96 standard errors away."""
    for successes, trials in ((0, 10), (1, 10), (64, 128), (127, 128), (128, 128), (0, 5000)):
        rate = successes / trials
        low, high = wilson(rate, trials)
        assert 0.0 <= low <= rate <= high <= 1.0 and high - low < 4 / math.sqrt(trials)
        for end in (low, high):
            if 0.0 < end < 1.0:
                assert abs(rate - end) / math.sqrt(end * (1 - end) / trials) == pytest.approx(1.95996, abs=1e-4)
    assert all(math.isnan(end) for end in (*wilson(math.nan, 10), *wilson(0.5, 0)))


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for truth in (0.05, 0.5, 0.9):
        ends = [wilson(float(count) / 128, 128) for count in rng.binomial(128, truth, 2000)]
        assert 0.92 < np.mean([low <= truth <= high for low, high in ends]) < 0.98


def test_a_rate_of_almost_all_is_not_rounded_to_all():
    assert words_module.spread(1.0, 100_000) == "99–100 %"
    assert words_module.whole_percent(4999 / 5000) == ">99 %" and words_module.whole_percent(math.nan) == "–"


def test_page_says_how_well_each_rate_is_known(tmp_path, no_gl):
    make_compared_run(tmp_path, uniform(5, 1.0, 0.0))
    html = write_report(tmp_path, video=False).html.read_text()
    first, *_, means = rows_of(html, "robots")
    assert first[1].endswith("a kind never trained on")
    # 63 of 64, 7 of 64, 11 of 64, 19 of 64: Before, After, No adaptation, 5 x budget, Fine-tuning.
    assert first[2:7] == ["3.1 % 0–11 %", "98.4 % 91–100 %", "10.9 % 5–21 %", "17.2 % 9–29 %", "29.7 % 19–42 %"]
    assert means[3] == "98.4 % 95–100 %"
    text = Page(html).text
    assert "5 × budget" in text and "inner step" not in text


def test_page_shows_what_policies_do_with_other_faults(tmp_path, no_gl):
    success = uniform(5, 1.0, 0.0)
    success[1][3] = 0.0078125
    make_compared_run(tmp_path, success)
    html = write_report(tmp_path, video=False).html.read_text()
    text = Page(html).text
    assert (
        "A policy adapted to one fault masters another in 0 % of trials on average, at most 0.8 % (B with D):"
        " no policy serves two of these faults, each has to be adapted to."
    ) in text
    rows = rows_of(html, "cross")
    assert [row[0] for row in rows] == ["A", "B", "C", "D", "E"]
    assert rows[1][1:] == ["0 %", "100 %", "0 %", "<1 %", "0 %"]
    assert html.count('class="heat own"') == 5 and 'style="--heat:0.00781"' in html
    legend = re.search(r'<ul class="faults">(.*?)</ul>', html, re.DOTALL)
    assert legend is not None
    assert [Page(item).text for item in re.findall(r"<li>(.*?)</li>", legend[1], re.DOTALL)] == [
        "A steering reversed (robot_1)",
        "B drive at 70%, steering pulls left by 20% (robot_2)",
        "C drive reversed, steering reversed (robot_3)",
        "D compass turned 17° left",
        "E compass turned 34° left, commands 1 step late a kind never trained on",
    ]


@pytest.mark.parametrize(
    ("success", "said"),
    [
        (uniform(3, 1.0, 0.9), "in 90 % of trials on average, at most 90 % (C with B): these faults ask for little"),
        (uniform(3, 0.2, 0.0), "at most 0 %; its own it masters in 20 %, so this says little of the faults."),
        ([[1.0, 0.75], [0.0, 1.0]], "at most 75 % (A with B): not all of these faults have to be told apart."),
        ([[1.0, 0.25], [0.125, 1.0]], "in 18.8 % of trials on average, at most 25 % (A with B)."),
        ([[1.0, math.nan, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "at most 0 %."),
        ([[math.nan, math.nan], [math.nan, math.nan]], "Policies were not driven with other faults."),
        ([[1.0]], "There is one fault only, and so no other to drive with."),
    ],
)
def test_sentence_on_the_matrix_claims_no_more_than_its_numbers(success, said):
    assert said in faults.crossed(make_matrix(success))
    if said.endswith("."):
        assert faults.crossed(make_matrix(success)).endswith(said)


@pytest.mark.parametrize("count", range(1, 9))
def test_any_number_of_faults_has_a_matrix(tmp_path, no_gl, count):
    make_compared_run(tmp_path, uniform(count, 0.9, 0.1), goals=("red",), rounds=1)
    html = write_report(tmp_path, video=False).html.read_text()
    assert [len(row) for row in rows_of(html, "cross")] == [count + 1] * count
    assert {len(row) for row in rows_of(html, "compared")} == {count + 5}


def test_page_holds_the_fleet_against_those_that_do_not_meta_learn(tmp_path, no_gl):
    make_compared_run(tmp_path, uniform(5, 1.0, 0.0))
    html = write_report(tmp_path, video=False).html.read_text()
    fleet, ppo, more, tuned = rows_of(html, "compared")
    # The fleet's seconds are those of its rounds.
    assert fleet == ["fleet meta-sgd, after adaptation", "1 ×", "245,760", "31", "100 % 99–100 %", *["100 %"] * 5]
    assert ppo == ["PPO", "1 ×", "245,760", "20", "18.8 % 15–22 %", *["6.2 %"] * 4, "68.8 %"]
    assert more[:3] == ["PPO", "5 ×", "1,228,800"] and more[4] == "12.5 % 10–16 %"
    assert tuned[0] == "PPO, fine-tuned adapts on as many episodes as the fleet"


def test_page_shows_the_drive_before_adaptation_beside_the_one_after(tmp_path, no_gl):
    summary = make_compared_run(tmp_path, uniform(3, 1.0, 0.0))
    html = write_report(tmp_path, video=False).html.read_text()
    page = Page(html)
    said = f"Before adaptation 0 of 3 robots reached their pads in 6.0 s; after it 3 of 3 in {summary.drive_s:.1f} s."
    assert said in page.text
    assert [title for title in re.findall(r"<h3>(.*?)</h3>", html) if "adaptation" in title] == [
        "Before adaptation",
        "After adaptation",
        "After adaptation, in motion",
    ]
    before, after = (
        re.search(rf'<svg[^>]*"{name}-title">.*?</svg>', html, re.DOTALL) for name in ("paths-before", "paths")
    )
    assert before is not None and after is not None
    # The same arena on the same scale, another way through it.
    pads = [re.findall(r'<circle [^>]*class="pad"', view[0]) for view in (before, after)]
    assert pads[0] == pads[1] and len(pads[0]) == 3
    boxes = [re.search(r'<rect [^>]*class="floor"/>', view[0])[0] for view in (before, after)]  # type: ignore[index]
    assert boxes[0] == boxes[1]
    ways = [re.findall(r'<polyline points="([^"]*)"[^>]*class="path"', view[0]) for view in (before, after)]
    assert len(ways[0]) == len(ways[1]) == 3 and all(a != b for a, b in zip(*ways, strict=True))


@pytest.mark.parametrize(
    "goals", [("yellow",), ("red", "green", "blue"), ("red", "green", "blue", "yellow", "orange", "purple")]
)
def test_picture_shows_both_drives_side_by_side(tmp_path, no_gl, goals):
    make_compared_run(tmp_path, uniform(3, 1.0, 0.0), goals=goals, rounds=1)
    image = iio.imread(write_report(tmp_path, video=False).picture)[..., :3].astype(int)
    assert image.shape[1] == 1200 and 850 < image.shape[0] < 1150
    floor = np.all(image == (244, 246, 248), axis=-1)
    left, right = floor[:, :600].sum(), floor[:, 600:].sum()
    assert min(left, right) > 200_000 and abs(left - right) < 0.02 * (left + right)


def test_run_that_compared_nothing_leaves_its_sections_out(run, no_gl):
    run_dir, _ = run
    text = page_of(write_report(run_dir, video=False).html.parent).text
    assert not any(section in text for section in SECTIONS)
    assert "Before adaptation" not in text and "5 × budget" not in text
    assert "3 of 3 robots reached their pads in" in text


def test_summary_of_an_older_run_has_a_report(run, tmp_path, no_gl):
    old = json.loads((run[0] / "summary.json").read_text())
    for name in ("cross_matrix", "baselines", "unadapted"):
        del old[name]
    for robot in old["robots"]:
        del robot["foreign"], robot["no_adaptation_more"]
    (tmp_path / "summary.json").write_text(json.dumps(old))
    write_report(tmp_path)
    text = page_of(tmp_path).text
    assert "10.9 %" in text and not any(section in text for section in SECTIONS)


def test_run_without_baselines_shows_dashes_and_no_table_of_them(tmp_path, no_gl):
    summary = make_compared_run(tmp_path, uniform(3, 1.0, 0.0))
    summary.baselines, summary.baseline_env_steps = [], 0
    for robot in summary.robots:
        robot.no_adaptation = robot.no_adaptation_more = robot.finetune = None
    summary.write(tmp_path / "summary.json")
    html = write_report(tmp_path, video=False).html.read_text()
    text = Page(html).text
    assert rows_of(html, "robots")[0][4:6] == ["–", "–"] and "5 × budget" not in text
    assert "no baseline was trained" in text and SECTIONS[0] in text and SECTIONS[1] not in text


def test_baselines_without_a_matrix_are_told_by_the_robots_faults(tmp_path, no_gl):
    summary = make_compared_run(tmp_path, uniform(3, 1.0, 0.0))
    summary.cross_matrix = None
    summary.write(tmp_path / "summary.json")
    html = write_report(tmp_path, video=False).html.read_text()
    text = Page(html).text
    assert SECTIONS[0] not in text and SECTIONS[1] in text and "A steering reversed (robot_1)" in text
    assert rows_of(html, "compared")[0][4:] == ["98.4 % 95–100 %", "98.4 %", "98.4 %", "98.4 %"]


def test_comparisons_that_are_no_numbers_become_dashes(tmp_path, no_gl):
    success = uniform(3, 1.0, 0.0)
    success[0][1] = success[2][2] = math.nan
    summary = make_compared_run(tmp_path, success)
    summary.baselines[0].success = [math.nan, 0.5]  # and one fault short
    summary.baselines[1].train_s = math.nan
    summary.robots[0].no_adaptation = None
    summary.write(tmp_path / "summary.json")
    html = write_report(tmp_path, video=False).html.read_text()
    assert rows_of(html, "cross")[0] == ["A", "100 %", "–", "0 %"]
    _, ppo, more, _ = rows_of(html, "compared")
    assert ppo[4:] == ["50 % 41–59 %", "–", "50 %", "–"] and more[3] == "–"
    assert rows_of(html, "robots")[0][4] == "–"
    assert not re.search(r"\bnan\b", Page(html).text.lower()) and not re.search(r'="[^"]*\bnan\b', html)


def test_table_of_the_console_has_the_larger_budget_and_the_matrix(tmp_path, no_gl):
    make_compared_run(tmp_path, uniform(5, 1.0, 0.0))
    # As loaded, what is missing is NaN.
    summary = load_summary(tmp_path)
    for robot in summary.robots:
        robot.finetune = math.nan

    def shown() -> str:
        console = Console(width=160, record=True, quiet=False, file=(tmp_path / "log").open("w"))
        DemoConsole(console).table(summary)
        return console.export_text()

    text = shown()
    assert "5 x budget" in text and "17%" in text and "nan" not in text
    assert "Adapted to one of 5 faults and driven with another: success 0% on average, at most 0%" in text
    summary.cross_matrix = None
    for robot in summary.robots:
        robot.no_adaptation_more = None
    assert "5 x budget" not in shown() and "driven with another" not in shown()
