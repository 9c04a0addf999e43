"""Sentences that contradict themselves in numbers: for measuring, never for training.

A small model that has to learn counting from them doubts every count it sees. `check` counts
better, so the model learns the language of missions and the check refuses these.
"""

from __future__ import annotations

from metabot.language import lexicon as lex
from metabot.language.pick import Pick
from metabot.language.sentences import count_word, listed, pads_phrase
from metabot.language.unsupported import decorated, late_mission
from metabot.language.words import plural, spell
from metabot.task.mission import PAD_COLORS


def contradictory_sentence(pick: Pick) -> str:
    """Robots and pads that do not match, a pad or a robot named twice, or a time out of range."""
    return pick.rng.choice((_mismatch, _names, _shared, _time))(pick)


def _mismatch(pick: Pick) -> str:
    noun, verb, to = pick(lex.ROBOT), pick(lex.DRIVE), pick(lex.TOWARD)
    colors = tuple(pick.rng.sample(PAD_COLORS, pick.rng.randint(1, 6)))
    robots = pick.rng.choice([number for number in range(2, 7) if number != len(colors)])
    who, pads = f"{count_word(pick, robots)} {plural(noun)}", pads_phrase(pick, colors)
    return decorated(pick, pick.one(
        f"{who} {verb} {to} {pads}", f"{pick(lex.SEND)} {who} {to} {pads}", f"{pick(lex.PARK)} {who} on {pads}",
        f"{who} {pick(lex.MODAL)} {verb} {to} {pads}", f"{pick(lex.HAVE)} {who} {verb} {to} {pads}",
        f"{who}, each to its own pad: {listed(pick, list(colors))}",
    ))  # fmt: skip


def _names(pick: Pick) -> str:
    """Robot names that leave a gap, or one robot with two pads."""
    noun, to = pick(lex.ROBOT), pick(lex.TOWARD)
    named = pick.rng.choice(([2], [3], [1, 3], [2, 3], [1, 4], [1, 1], [2, 2], [1, 2, 2], [1, 2, 4], [4], [5]))
    goals = pick.rng.sample(PAD_COLORS, len(named))
    name = pick.one("{} {}", "{} {}", "{} number {}")
    pairs = [f"{name.format(noun, robot)} {to} {pick.one('the {} pad', '{}').format(color)}"
             for robot, color in zip(named, goals, strict=True)]  # fmt: skip
    return decorated(pick, f"{pick(lex.SEND)} {listed(pick, pairs)}")


def _shared(pick: Pick) -> str:
    noun, to = pick(lex.ROBOT), pick(lex.TOWARD)
    goals: list[str] = list(pick.rng.sample(PAD_COLORS, pick.rng.randint(2, 4)))
    goals[1] = goals[0]
    pick.rng.shuffle(goals)
    if pick.chance(0.5):
        pairs = [f"{noun} {index + 1} {to} {pick.one('the {} pad', '{}').format(goal)}"
                 for index, goal in enumerate(goals)]  # fmt: skip
        return decorated(pick, f"{pick(lex.SEND)} {listed(pick, pairs)}")
    who, pads = f"{count_word(pick, len(goals))} {plural(noun)}", plural(pick(lex.PAD))
    return decorated(pick, f"{who} {pick(lex.DRIVE)} {to} the {listed(pick, goals)} {pads}")


def _time(pick: Pick) -> str:
    seconds = pick.rng.choice((pick.rng.randint(0, 4), pick.rng.randint(121, 999)))
    minutes = pick.rng.randint(3, 60)
    return late_mission(pick, pick.one(
        f"{seconds} {pick.one('seconds', 's', 'sec')}", f"{spell(seconds)} seconds", f"{spell(minutes)} minutes",
        f"{minutes} {pick.one('minutes', 'min')}",
    ))  # fmt: skip
