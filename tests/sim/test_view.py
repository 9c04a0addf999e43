"""The browser view: its logic, its command, and the page itself in a headless Chromium."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.task import Interval, SpecError
from metabot_sim.env import FleetEnv
from metabot_sim.families.base import SPLITS
from metabot_sim.families.registry import family as family_of
from metabot_sim.view.knobs import Knob, knobs
from metabot_sim.view.player import SHOW_HZ, Player
from metabot_sim.view.serve import DEFAULT_PORT, View, free_port
from metabot_sim.view.session import Session
from metabot_sim.view.wishes import Wishes

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PICTURE = os.environ.get("METABOT_PICTURE")
"""Where to keep the picture that the browser test looks at."""


def knob(session: Session, name: str) -> Knob:
    return next(each for each in session.knobs if each.name == name)


# -- what the sliders are -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["drive-goal", "grasp-sort"])
@pytest.mark.parametrize("split", SPLITS)
def test_sliders_cover_every_task_of_every_split(name: str, split: Any) -> None:
    family = family_of(name)
    spec = family.spec()
    drawn = family.draw(spec, split, np.arange(200), np.arange(200))
    for each in knobs(family, spec):
        values = (drawn.object_dynamics if each.of_object else drawn.robot_dynamics)[..., each.column]
        assert each.low <= values.min(), each.name
        assert values.max() <= each.high, each.name


def test_there_is_a_slider_for_what_the_family_varies_and_for_nothing_else() -> None:
    session = Session("drive-goal")
    assert [each.name for each in session.knobs] == ["drive_gain", "steer_gain", "steer_bias"]
    assert (knob(session, "drive_gain").low, knob(session, "drive_gain").high) == (-1.0, 1.0)
    assert "0.55 to 0.7" in knob(session, "drive_gain").hint
    assert "at once" in knob(session, "drive_gain").hint


def test_whole_numbers_have_whole_positions() -> None:
    each = Knob("delay_steps", False, 8, 0.0, 4.0, whole=True, at_once=True, hint="")
    assert each.step == 1.0
    assert each.shown(2.4) == 2.0
    fine = Knob("drive_gain", False, 0, -1.0, 1.0, whole=False, at_once=True, hint="")
    assert fine.shown(0.12345) == 0.12
    assert fine.shown(7.0) == 1.0


# -- what a change does ---------------------------------------------------------------------------


def test_gain_acts_at_once_in_the_running_episode_and_lasts() -> None:
    session = Session("drive-goal", robots=1)
    for _ in range(5):
        session.step()
    session.turn(knob(session, "drive_gain"), 0, 0.0)
    assert session.time_s == pytest.approx(0.25)
    for _ in range(10):
        session.step()
    there = session.env.world.positions().copy()
    for _ in range(10):
        session.step()
    np.testing.assert_allclose(session.env.world.positions(), there, atol=5e-3)
    session.new_episode()
    assert session.value(knob(session, "drive_gain"), 0) == 0.0


def test_mass_starts_the_episode_again_in_the_same_places() -> None:
    session = Session("grasp-sort")
    start = session.env.episodes.objects.copy()
    for _ in range(3):
        session.step()
    mass = knob(session, "object_mass_kg")
    session.turn(mass, 1, 0.321)
    assert session.time_s == 0.0
    np.testing.assert_array_equal(session.env.episodes.objects, start)
    body = session.env.world.model.body(f"object:{session.objects[1]}").id
    assert session.env.world.batch.get_model(0).body_mass[body] == pytest.approx(0.321)


def test_as_drawn_takes_changes_back_and_a_new_task_has_its_own() -> None:
    session = Session("drive-goal", robots=2, task=4)
    gain = knob(session, "drive_gain")
    drawn, places = session.value(gain, 1), session.env.episodes.pads.copy()
    session.turn(gain, 1, 0.2)
    session.as_drawn()
    assert session.value(gain, 1) == drawn
    np.testing.assert_array_equal(session.env.episodes.pads, places)
    session.turn(gain, 1, 0.2)
    session.choose_task(5)
    expected = FleetEnv("drive-goal", robots=2, tasks=np.array([5]))
    expected.reset(0)
    assert session.value(gain, 1) == expected.episodes.robot_dynamics[0, 1, gain.column]


def test_delay_wished_for_in_mid_episode_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    family = family_of("drive-goal")
    # None in training: the world has never seen a delay when it is wished for.
    monkeypatch.setattr(type(family), "held_out", {"delay_steps": Interval(low=0.0, high=4.0)})
    monkeypatch.setattr(type(family), "dynamics", {"steer_bias": Interval(low=0.0, high=0.0)})
    moved = {}
    for steps in (0, 4):
        session = Session("drive-goal", robots=1, driver="idle")
        session.step()
        session.turn(knob(session, "delay_steps"), 0, steps)
        before = session.env.world.qpos.copy()
        session.drive("expert")
        for _ in range(4):
            session.step()
        moved[steps] = np.abs(session.env.world.qpos - before).max()
    assert moved[0] > 0.02 > 0.005 > moved[4]


def test_driver_can_be_exchanged_in_mid_episode() -> None:
    session = Session("drive-goal", robots=1, driver="idle")
    session.turn(knob(session, "steer_bias"), 0, 0.0)

    def moved() -> float:
        before = session.env.world.positions().copy()
        for _ in range(15):
            session.step()
        return float(np.abs(session.env.world.positions() - before).max())

    assert moved() < 0.01
    session.drive("expert")
    assert moved() > 0.1
    with pytest.raises(SpecError, match="policy: no 'nobody'"):
        session.drive("nobody")


def test_expert_succeeds_and_the_session_says_so() -> None:
    session = Session("drive-goal", robots=1)
    while not session.ending:
        session.step()
    assert session.ending == "success"
    assert session.success.all()
    assert len(session.trace) == round(session.time_s / session.period_s) + 1
    ended_at = session.time_s
    session.step()
    assert session.time_s == ended_at


def test_split_is_exchanged_with_its_ranges() -> None:
    session = Session("drive-goal", robots=1, task=3)
    session.choose_split("held-out")
    assert session.env.split == "held-out"
    assert 0.55 <= abs(session.value(knob(session, "drive_gain"), 0)) <= 0.7


# -- who decides, and when ------------------------------------------------------------------------


def test_of_one_kind_the_last_wish_counts() -> None:
    wishes = Wishes()
    wishes.put("driver", "random")
    wishes.put("pause", True)
    wishes.put("driver", "idle")
    assert list(wishes.take().items()) == [("pause", True), ("driver", "idle")]
    assert wishes.take() == {}


@pytest.mark.parametrize(("speed", "steps"), [(1.0, 20), (2.0, 40), (0.5, 10)])
def test_time_follows_the_clock(speed: float, steps: int) -> None:
    session = Session("drive-goal", robots=1, driver="idle")
    player = Player(session, Wishes(), speed=speed)
    now = 100.0
    while now < 101.0 - 1e-6:
        wait_s = player.tick(now)
        assert wait_s >= 1.0 / SHOW_HZ
        now += wait_s
    assert round(session.time_s / session.period_s) == pytest.approx(steps, abs=1)


def test_a_slow_machine_does_not_catch_up_for_ever() -> None:
    session = Session("drive-goal", robots=1, driver="idle")
    player = Player(session, Wishes())
    player.tick(0.0)
    player.tick(2.0)
    assert session.time_s < 0.3


def test_pause_stands_still_and_step_makes_one_step() -> None:
    session, wishes = Session("drive-goal", robots=1), Wishes()
    player = Player(session, wishes, paused=True)
    player.tick(0.0)
    player.tick(1.0)
    assert session.time_s == 0.0
    wishes.put("step")
    player.tick(1.1)
    assert session.time_s == pytest.approx(session.period_s)
    assert player.paused
    wishes.put("pause", False)
    player.tick(1.2)
    assert session.time_s == pytest.approx(2 * session.period_s)


def test_the_next_episode_starts_a_while_after_the_end() -> None:
    session = Session("drive-goal", robots=1)
    player = Player(session, Wishes())
    now, ended_at = 0.0, None
    while ended_at is None or session.ending:
        wait_s = player.tick(now)
        if session.ending and ended_at is None:
            ended_at = now
        now += wait_s
    assert 0.5 < now - ended_at < 3.0
    assert session.time_s <= session.period_s


# -- the scene ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["drive-goal", "drive-capture", "grasp-sort", "deliver"])
def test_the_camera_sees_all_of_it(name: str) -> None:
    stage = pytest.importorskip("metabot_sim.view.stage", reason="the extra `view` is not installed")
    spec = family_of(name).spec()
    position, look_at = stage.framed(spec)
    ahead = (look_at - position) / np.linalg.norm(look_at - position)
    up = np.cross([1.0, 0.0, 0.0], ahead)
    places = [(robot.spawn.x, robot.spawn.y) for robot in spec.robots] + [(pad.x, pad.y) for pad in spec.pads]
    if name.startswith("drive"):
        half = np.array([spec.world.length_m, spec.world.width_m]) / 2
        places += [tuple(half * sign) for sign in ((-1, -1), (-1, 1), (1, -1), (1, 1))]
    for x, y in places:
        offset = np.array([x, y, 0.0]) - position
        sideways, upwards = offset[0] / (offset @ ahead), offset @ up / (offset @ ahead)
        assert abs(upwards) < np.tan(stage.FOV_RAD / 2)
        assert abs(sideways) < np.tan(stage.FOV_RAD / 2)


def test_an_object_of_another_size_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    mjviser = pytest.importorskip("mjviser", reason="the extra `view` is not installed")
    drawn = []
    monkeypatch.setattr(mjviser.ViserMujocoScene, "rebuild_visual_handles", lambda scene: drawn.append(scene))
    with View(Session("grasp-sort"), port=0) as view:
        session = view.player.session
        view.show(view.player)
        session.turn(knob(session, "object_mass_kg"), 0, 0.1)
        view.show(view.player)
        before = len(drawn)
        session.turn(knob(session, "object_size"), 0, 0.75)
        view.show(view.player)
        assert len(drawn) == before + 1


# -- the command ----------------------------------------------------------------------------------


def test_the_first_free_port_is_taken_but_no_other_than_the_one_asked_for() -> None:
    with socket.socket() as other:
        with contextlib.suppress(OSError):
            # It may be taken already: that will do.
            other.bind(("127.0.0.1", DEFAULT_PORT))
            other.listen()
        assert free_port("127.0.0.1", None) > DEFAULT_PORT
        with pytest.raises(ValueError, match=f"port: {DEFAULT_PORT} of 127.0.0.1 is taken"):
            free_port("127.0.0.1", DEFAULT_PORT)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["drive-nowhere"], "family: no 'drive-nowhere'; allowed: drive-goal"),
        (["drive-goal", "--split", "exam"], "split: no 'exam'; allowed: train"),
        (["drive-goal", "--robots", "99"], "robots: 99 cannot play drive-goal"),
        (["drive-goal", "--policy", "me"], "policy: no 'me'; allowed: expert"),
        (["drive-goal", "--host", "192.0.2.1"], "port: cannot listen on 192.0.2.1:"),
    ],
)
def test_mistakes_end_with_one_line(arguments: list[str], line: str) -> None:
    pytest.importorskip("viser", reason="the extra `view` is not installed")
    result = CliRunner().invoke(app, ["sim", "view", *arguments])
    assert result.exit_code == 2
    assert line in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    monkeypatch.delitem(sys.modules, "mjviser", raising=False)
    result = CliRunner().invoke(app, ["sim", "view", "drive-goal"])
    assert result.exit_code == 2
    assert "which is not installed; pip install 'metabot[view]'" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_simulator_does_not_import_the_libraries_of_the_page() -> None:
    code = "import sys, metabot_sim.view, metabot.cli.app; sys.exit('viser' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@contextlib.contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the address it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "metabot.cli", "sim", "view", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, line + (process.stderr.read() if process.stderr else "")
        yield process, "http://" + line.split("http://")[1].split()[0]
    finally:
        process.kill()
        process.wait(10)


def silent_client(port: int) -> socket.socket:
    """A browser that opens the page's connection and then never answers."""
    import viser

    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: viser-v{viser.__version__}\r\n\r\n".encode()
    )
    assert b"101 Switching Protocols" in client.recv(200)
    return client


@pytest.mark.processes
def test_ctrl_c_ends_the_page_also_when_a_browser_does_not_answer() -> None:
    pytest.importorskip("mjviser", reason="the extra `view` is not installed")
    with command("drive-goal", "--robots", "1", "--port", "0") as (process, url):
        with urllib.request.urlopen(url, timeout=20) as answer:
            assert answer.status == 200
        port = int(url.rsplit(":", 1)[1])
        with silent_client(port):
            time.sleep(0.5)
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=20)
            took_s = time.monotonic() - asked
    assert process.returncode == 130
    assert (output.strip(), errors.strip()) == ("", "metabot: stopped")
    # A second on a machine that has nothing else to do.
    assert took_s < 3.0
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


# -- the page -------------------------------------------------------------------------------------


def browser_path() -> str:
    named = os.environ.get("METABOT_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip(f"no Chromium: none of {', '.join(BROWSERS)} is there, and METABOT_CHROMIUM names none")
    return found


@pytest.fixture
def tab() -> Iterator[Any]:
    """A tab of a headless browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = browser_path()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(WEBGL))
        tab = browser.new_page(viewport={"width": 1200, "height": 800})
        tab.set_default_timeout(60_000)
        yield tab
        browser.close()


@pytest.fixture
def view() -> Iterator[View]:
    """A page that stands still at first, played by a thread of its own."""
    pytest.importorskip("mjviser", reason="the extra `view` is not installed")
    running = threading.Event()
    running.set()
    with View(Session("drive-goal", task=3), port=0, paused=True) as view:
        thread = threading.Thread(target=view.run, args=(running.is_set,))
        thread.start()
        yield view
        running.clear()
        thread.join(10)
    assert not thread.is_alive()


def until(said: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not said():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def shares(tab: Any) -> dict[str, float]:
    """Which part of the scene has the colour of each pad and robot."""
    shot = Image.open(BytesIO(tab.locator("canvas[data-engine]").screenshot())).convert("RGB")
    red, green, blue = np.moveaxis(np.asarray(shot, dtype=float), -1, 0)
    return {
        "red": float(np.mean((red > green + 80) & (red > blue + 80))),
        "green": float(np.mean((green > red + 50) & (green > blue + 40))),
        "blue": float(np.mean((blue > red + 70) & (blue > green + 40))),
    }


@pytest.mark.slow
def test_the_page_shows_the_world_and_obeys(tab: Any, view: View) -> None:
    session, player = view.player.session, view.player
    # Else a page without a GPU lowers the resolution as it goes.
    tab.goto(f"{view.url}?fixedDpr=1")
    text = tab.locator("body")

    # What is to be seen.
    tab.get_by_text("metabot · drive-goal").wait_for()
    tab.get_by_text("paused").wait_for()
    for said in ("drive_gain", "steer_gain", "steer_bias", "robot_1", "task 3 of train", "driver: expert"):
        assert said in text.inner_text()
    assert tab.get_by_role("slider").count() == 4
    until(lambda: min(shares(tab).values()) > 0.0005)

    # Who drives.
    for driver in ("random", "expert"):
        tab.get_by_role("button", name=driver, exact=True).click()
        tab.get_by_text(f"driver: {driver}").wait_for()
        assert session.driver == driver

    # Hidden dynamics: of the robot that is chosen, and at once.
    tab.get_by_role("button", name="step", exact=True).click()
    until(lambda: session.time_s > 0.0)
    drive_gain = knob(session, "drive_gain")
    before = [session.value(drive_gain, robot) for robot in range(3)]
    tab.get_by_role("combobox", name="robot").click()
    tab.get_by_role("option", name="robot_2").click()
    until(lambda: player.selected["robot"] == 1)
    slider = tab.get_by_role("slider").nth(1)
    until(lambda: float(slider.get_attribute("aria-valuenow")) == pytest.approx(drive_gain.shown(before[1])))
    slider.focus()
    slider.press("Home")
    until(lambda: session.value(drive_gain, 1) == -1.0)
    assert [session.value(drive_gain, robot) for robot in (0, 2)] == [before[0], before[2]]
    assert session.time_s == pytest.approx(session.period_s)
    tab.get_by_role("button", name="as drawn").click()
    until(lambda: session.value(drive_gain, 1) == before[1])

    # Time, tasks and splits.
    tab.get_by_role("button", name="new task").click()
    tab.get_by_text("task 4 of train").wait_for()
    tab.get_by_role("combobox", name="split").click()
    tab.get_by_role("option", name="held-out").click()
    tab.get_by_text("task 4 of held-out").wait_for()
    tab.get_by_role("button", name="run", exact=True).click()
    until(lambda: session.time_s > 2.0)
    tab.get_by_role("button", name="pause", exact=True).click()
    tab.get_by_text("paused").wait_for()
    assert min(shares(tab).values()) > 0.0005
    if PICTURE:
        tab.get_by_role("alert").get_by_role("button").click()
        tab.wait_for_timeout(3000)
        tab.screenshot(path=PICTURE)
        assert Path(PICTURE).stat().st_size < 400_000
