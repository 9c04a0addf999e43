"""The top view of the driven paths as SVG: one that stands still and one that moves."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup

from metabot.demo.report import words
from metabot.demo.report.motion import Motion, arrival_s, frame_times
from metabot.demo.report.svg import Attribute, number, picture, points, tag, text
from metabot.demo.report.view import (
    BASE_M,
    HAND_M,
    NOSE_M,
    POINTER_M,
    View,
    chassis_m,
    color_hex,
    fit,
    half_width,
    is_arm,
    is_fine,
    label_spots,
    on_robot,
    scale_bar_m,
    scaled,
)
from metabot.task import ObjectSpec, RobotSpec, TaskSpec

SIZE = 480.0
_MARGIN = 10.0
_FOOT = 34.0
_KEY_RATE_HZ = 12.0
_MAX_KEYS = 600
_HOLD_S = 1.5


def top_view(spec: TaskSpec, motion: Motion, identifier: str = "paths", when: str = "") -> Markup:
    """The paths as they were driven: arena, pads, start and end poses, names, a scale bar.

    Args:
        spec: the task; views of the same task have the same scale.
        motion: what was driven.
        identifier: unique in the page.
        when: what tells this drive from others of the page, for its title.
    """
    view, height = _layout(spec)
    starts = _starts(spec, view)
    everything: list[RobotSpec | ObjectSpec] = [*spec.objects, *spec.robots]
    movers = [each for each in everything if each.name in motion.samples]
    paths = [_path(view, motion, each) for each in movers]
    ends = []
    for thing in spec.objects:
        if thing.name in motion.samples:
            ends.append(_thing(view, thing, view.xy(*motion.samples[thing.name][-1, 1:3])))
    for robot in spec.robots:
        if robot.name in motion.samples:
            x, y, yaw = motion.samples[robot.name][-1, 1:4]
            ends += [_link(view, robot, view.xy(x, y))] if is_arm(robot) else []
            ends.append(
                _robot(view, robot, f"translate({points([view.xy(x, y)])}) rotate({number(-math.degrees(yaw), 1)})")
            )
    driven = sum(robot.name in motion.samples for robot in spec.robots)
    seen = f"the paths of {words.plural(driven, 'robot')}, the starts and the pads"
    title = f"Top view of the arena with {seen}{f', {when}' if when else ''}"
    return picture(
        SIZE,
        height,
        title,
        identifier,
        _arena(spec, view),
        *starts,
        *paths,
        *ends,
        *_names(spec, motion, view),
        _foot(view),
    )


def moving_view(spec: TaskSpec, motion: Motion) -> Markup | None:
    """The same as it happened, in real time and over and over; None if nothing moved.

    It is animated by SMIL, so it needs no script; the page hides it from readers who asked
    for less motion, who have the still view.
    """
    if not motion.moving:
        return None
    view, height = _layout(spec)
    rate = min(_KEY_RATE_HZ, _MAX_KEYS / (motion.duration_s + _HOLD_S))
    times = frame_times(motion.duration_s, rate, _HOLD_S)
    length_s = (len(times) - 1) / rate
    moving = [
        _moving_thing(view, motion, thing, times, length_s) for thing in spec.objects if thing.name in motion.samples
    ]
    for robot in spec.robots:
        if robot.name in motion.samples:
            moving.append(_moving_robot(spec, view, motion, robot, times, length_s))
    track = _progress(view, motion.duration_s, length_s)
    title = f"The fleet driving, in real time: {motion.duration_s:.1f} seconds, repeated"
    starts = _starts(spec, view)
    return picture(SIZE, height, title, "moving", _arena(spec, view), *starts, *moving, track)


def _layout(spec: TaskSpec) -> tuple[View, float]:
    """The view, and the height of a picture that is no higher than the arena needs."""
    width = SIZE - 2 * _MARGIN
    drawn = max(60.0, min(width, width * spec.world.width_m / spec.world.length_m))
    return fit(spec, width, drawn, _MARGIN, _MARGIN), drawn + _MARGIN + _FOOT


def _arena(spec: TaskSpec, view: View) -> Markup:
    wall = 3.0
    step = scale_bar_m(view)
    lines = []
    for half, along_x in ((spec.world.length_m / 2, True), (spec.world.width_m / 2, False)):
        for index in range(-int(half / step), int(half / step) + 1):
            a, b = (index * step, spec.world.width_m / 2), (index * step, -spec.world.width_m / 2)
            if not along_x:
                a, b = (-spec.world.length_m / 2, index * step), (spec.world.length_m / 2, index * step)
            (x1, y1), (x2, y2) = view.xy(*a), view.xy(*b)
            lines.append(tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="grid"))
    box = {"x": view.left, "y": view.top, "width": view.width, "height": view.height}
    walls = {
        "x": view.left - wall / 2,
        "y": view.top - wall / 2,
        "width": view.width + wall,
        "height": view.height + wall,
    }
    pads = []
    for pad in spec.pads:
        x, y = view.xy(pad.x, pad.y)
        color = color_hex(pad.color)
        radius = spec.success.radius_m * view.scale
        pads.append(
            tag(
                "circle", tag("title", f"{pad.color} pad"), cx=x, cy=y, r=radius, fill=color, stroke=color, class_="pad"
            )
        )
    return tag("g", tag("rect", **box, class_="floor"), *lines, tag("rect", **walls, class_="wall"), *pads)


def _starts(spec: TaskSpec, view: View) -> list[Markup]:
    return [
        *(_thing(view, thing, view.xy(thing.pose.x, thing.pose.y), hollow=True) for thing in spec.objects),
        *(_start(view, robot) for robot in spec.robots),
    ]


def _thing(view: View, thing: ObjectSpec, spot: tuple[float, float], *, hollow: bool = False) -> Markup:
    """An object from above; hollow where it lay at first."""
    half, color = half_width(view, thing), color_hex(thing.color)
    box = {"x": spot[0] - half, "y": spot[1] - half, "width": 2 * half, "height": 2 * half}
    title = tag("title", f"start of {thing.name}" if hollow else thing.name)
    if hollow:
        return tag("rect", title, **box, stroke=color, class_="start thing")
    return tag("rect", title, **box, fill=color, class_="robot thing")


def _link(view: View, robot: RobotSpec, hand: tuple[float, float], *animations: Markup) -> Markup:
    """An arm from its base to its hand."""
    (x1, y1), (x2, y2) = view.xy(robot.spawn.x, robot.spawn.y), hand
    return tag("line", *animations, x1=x1, y1=y1, x2=x2, y2=y2, stroke=color_hex(robot.color), class_="link")


def _start(view: View, robot: RobotSpec) -> Markup:
    """A hollow robot where it began, with its heading; an arm's base."""
    x, y = view.xy(robot.spawn.x, robot.spawn.y)
    if is_arm(robot):
        base = tag("circle", cx=x, cy=y, r=BASE_M * view.scale, stroke=color_hex(robot.color), class_="start")
        return tag("g", tag("title", f"base of {robot.name}"), base)
    pose = (robot.spawn.x, robot.spawn.y, robot.spawn.yaw)
    pointer = points(view.xy(*on_robot(pose, corner)) for corner in scaled(robot, POINTER_M))
    color = color_hex(robot.color)
    return tag(
        "g",
        tag("title", f"start of {robot.name}"),
        tag("circle", cx=x, cy=y, r=chassis_m(robot) * view.scale, stroke=color, class_="start"),
        tag("polygon", points=pointer, class_="pointer"),
    )


def _path(view: View, motion: Motion, mover: RobotSpec | ObjectSpec) -> Markup:
    line = points(view.line(motion.trail(mover.name)[:, 1:3]))
    fine = " fine" if is_fine(mover) else ""
    return tag(
        "g",
        tag("polyline", points=line, class_=f"casing{fine}"),
        tag("polyline", points=line, stroke=color_hex(mover.color), class_=f"path{fine}"),
    )


def _body(view: View, robot: RobotSpec) -> list[Markup]:
    if is_arm(robot):
        return [tag("circle", r=HAND_M * view.scale, fill=color_hex(robot.color), class_="robot")]
    nose = points((x * view.scale, -y * view.scale) for x, y in scaled(robot, NOSE_M))
    return [
        tag("circle", r=chassis_m(robot) * view.scale, fill=color_hex(robot.color), class_="robot"),
        tag("polygon", points=nose, class_="nose"),
    ]


def _robot(view: View, robot: RobotSpec, transform: str) -> Markup:
    return tag("g", tag("title", robot.name), *_body(view, robot), transform=transform)


def _names(spec: TaskSpec, motion: Motion, view: View) -> list[Markup]:
    longest = max(len(robot.name) for robot in spec.robots)
    spots = label_spots(spec, motion, view, 7.6 * longest, 14.0)
    return [
        text(spots[robot.name][0], spots[robot.name][1] + 4.5, robot.name, "middle", "name") for robot in spec.robots
    ]


def _foot(view: View) -> Markup:
    """Scale bar and axes under the arena."""
    length = scale_bar_m(view)
    right, y = view.left + view.width, view.top + view.height + 22.0
    left = right - length * view.scale
    bar = points([(left, y - 4), (left, y), (right, y), (right, y - 4)])
    return tag(
        "g",
        tag("polyline", points=bar, class_="scale"),
        text(left - 6, y + 2, f"{number(length)} m", "end"),
        text(view.left, y + 2, "x → right, y ↑ up; grid as the scale bar" if view.width > 330 else "x →, y ↑"),
    )


def _moving_thing(view: View, motion: Motion, thing: ObjectSpec, times_s: np.ndarray, length_s: float) -> Markup:
    spots = view.line(motion.poses(thing.name, times_s)[:, :2])
    moves = tag(
        "animateTransform",
        attributeName="transform",
        type="translate",
        values=points_list(spots),
        dur=f"{length_s:.2f}s",
        repeatCount="indefinite",
    )
    return tag("g", moves, _thing(view, thing, (0.0, 0.0)), transform=f"translate({points(spots[:1])})")


def _reaching(view: View, robot: RobotSpec, spots: list[tuple[float, float]], length_s: float) -> Markup:
    """An arm that follows its hand."""
    ends = [
        tag(
            "animate",
            attributeName=name,
            values=";".join(number(spot[axis], 1) for spot in spots),
            dur=f"{length_s:.2f}s",
            repeatCount="indefinite",
        )
        for axis, name in enumerate(("x2", "y2"))
    ]
    return _link(view, robot, spots[0], *ends)


def _moving_robot(
    spec: TaskSpec, view: View, motion: Motion, robot: RobotSpec, times_s: np.ndarray, length_s: float
) -> Markup:
    poses = motion.poses(robot.name, times_s)
    spots = view.line(poses[:, :2])
    seconds = f"{length_s:.2f}s"
    loop = {"dur": seconds, "repeatCount": "indefinite"}
    walked = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(poses[:, :2], axis=0).T))])
    left = 1.0 - walked / max(float(walked[-1]), 1e-9)
    # The dashes' unit is the whole path, so that the trail grows to where the robot is.
    grow = tag(
        "animate",
        attributeName="stroke-dashoffset",
        values=";".join(number(v, 4) for v in left),
        calcMode="linear",
        **loop,
    )
    trail: dict[str, Attribute] = {"points": points(spots), "pathLength": 1, "stroke_dasharray": "1 1"}
    moves = tag("animateTransform", attributeName="transform", type="translate", values=points_list(spots), **loop)
    turns = tag(
        "animateTransform",
        attributeName="transform",
        type="rotate",
        values=";".join(number(-math.degrees(yaw), 1) for yaw in poses[:, 2]),
        **loop,
    )
    body = tag("g", turns, *_body(view, robot), transform=f"rotate({number(-math.degrees(poses[0, 2]), 1)})")
    above = HAND_M if is_arm(robot) else max(chassis_m(robot), spec.success.radius_m)
    name = text(0, -above * view.scale - 10, robot.name, "middle", "name")
    fine = " fine" if is_fine(robot) else ""
    return tag(
        "g",
        tag("polyline", grow, class_=f"casing{fine}", **trail),
        tag("polyline", grow, stroke=color_hex(robot.color), class_=f"path{fine}", **trail),
        _reaching(view, robot, spots, length_s) if is_arm(robot) else Markup(""),
        _arrival(spec, view, motion, robot, length_s),
        tag("g", moves, body, name, transform=f"translate({points(spots[:1])})"),
    )


def points_list(spots: list[tuple[float, float]]) -> str:
    """Coordinates for the ``values`` of a translation."""
    return ";".join(f"{number(x, 1)} {number(y, 1)}" for x, y in spots)


def _arrival(spec: TaskSpec, view: View, motion: Motion, robot: RobotSpec, length_s: float) -> Markup:
    """A ring around the pad from the moment its robot is there."""
    arrived = arrival_s(motion, spec, robot.name)
    if arrived is None:
        return Markup("")
    pad = spec.pad_of(robot.name)
    x, y = view.xy(pad.x, pad.y)
    at = min(max(arrived / length_s, 0.0001), 0.9999)
    appear = tag(
        "animate",
        attributeName="opacity",
        values="0;1",
        keyTimes=f"0;{number(at, 4)}",
        calcMode="discrete",
        dur=f"{length_s:.2f}s",
        repeatCount="indefinite",
    )
    return tag("circle", appear, cx=x, cy=y, r=spec.success.radius_m * view.scale + 4, class_="arrived")


def _progress(view: View, duration_s: float, length_s: float) -> Markup:
    """Time under the arena: a bar that fills, and stays full while the last pose is held."""
    y = view.top + view.height + 18.0
    label = f"{duration_s:.1f} s, real time"
    width = view.width - 7.2 * len(label)
    grow = tag(
        "animate",
        attributeName="width",
        values=f"0;{number(width)};{number(width)}",
        keyTimes=f"0;{number(min(duration_s / length_s, 0.9999), 4)};1",
        dur=f"{length_s:.2f}s",
        repeatCount="indefinite",
    )
    return tag(
        "g",
        tag("rect", x=view.left, y=y - 3, width=width, height=6, rx=3, class_="track"),
        tag("rect", grow, x=view.left, y=y - 3, width=0, height=6, rx=3, class_="progress"),
        text(view.left + view.width, y + 5, label, "end"),
    )
