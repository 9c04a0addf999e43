"""Sentences that ask for what metabot cannot do, with the reason.

What only arithmetic can tell (counts that differ, a pad named twice, 121 seconds) is not here:
`contradictory` holds it, and `check` refuses it.
"""

from __future__ import annotations

from typing import Literal, get_args

from metabot.language import lexicon as lex
from metabot.language.pick import Pick
from metabot.language.sentences import (
    count_word,
    join_clauses,
    listed,
    mission_sentence,
    pads_phrase,
    robots_phrase,
    time_words,
)
from metabot.language.words import invented, plural, third_person
from metabot.task.mission import PAD_COLORS

Reason = Literal["action", "object", "place", "color", "count", "shared-pad", "time", "negated", "extra", "no-task"]
REASONS: tuple[Reason, ...] = get_args(Reason)

_SALAD_STOP = {"to", "on", *lex.ROBOT.train, *map(plural, lex.ROBOT.train)}
"""Words without which a shuffled mission cannot read as one by luck."""
_WEIGHTS = (21, 14, 13, 12, 8, 6, 3, 5, 8, 17)


def unsupported_sentence(pick: Pick) -> tuple[str, Reason]:
    """A sentence no mission stands for, and why, before noise."""
    reason = pick.rng.choices(REASONS, _WEIGHTS)[0]
    return _MAKERS[reason](pick), reason


def _goals(pick: Pick, low: int = 1, high: int = 4) -> tuple[str, ...]:
    return tuple(pick.rng.sample(PAD_COLORS, pick.rng.randint(low, high)))


def decorated(pick: Pick, core: str) -> str:
    """The contact and time clauses of real missions: they say nothing about being supported."""
    extras: list[tuple[str, bool]] = []
    if pick.chance(0.25):
        extras.append((pick(lex.APART), False))
    if pick.chance(0.2):
        extras.append((pick(lex.LIMIT).replace("{t}", time_words(pick, pick.rng.randint(5, 120))), False))
    return join_clauses(pick, core, extras)


def _action(pick: Pick) -> str:
    kind = pick.rng.random()
    if kind < 0.22:
        return join_clauses(pick, pick(lex.CHORE), [])
    goals = _goals(pick)
    who, pads = robots_phrase(pick, len(goals)), pads_phrase(pick, goals)
    verb = pick(lex.OTHER_ACTION)
    to = pick.one(pick(lex.TOWARD), "over", "on", "above", "around", "in", "at", "into", "under")
    if kind < 0.62:
        core = pick.one(
            f"{verb} {to} {pads}", f"{who} {verb} {to} {pads}", f"{pick(lex.HAVE)} {who} {verb} {to} {pads}"
        )
    elif kind < 0.72:
        core = pick.one(verb, f"{who} {verb}", f"{pick(lex.HAVE)} {who} {verb}")
    elif kind < 0.78:
        noun = pick(lex.NOT_ROBOT)
        core = f"{count_word(pick, len(goals))} {plural(noun)} {pick(lex.DRIVE)} {pick(lex.TOWARD)} {pads}"
        if len(goals) == 1:
            core = f"{pick.one('the', 'a', 'one')} {noun} {third_person(pick(lex.DRIVE))} {pick(lex.TOWARD)} {pads}"
    else:
        act = invented(pick.rng) if pick.invent(0.4) else pick(lex.DO_TO_PAD)
        what = f"the {listed(pick, list(goals))} {pick(lex.PAD)}{'s' if len(goals) > 1 else ''}"
        core = pick.one(f"{act} {what}", f"{who} {act} {what}", f"{pick(lex.HAVE)} {who} {act} {what}")
    return decorated(pick, core)


def _object(pick: Pick) -> str:
    thing = pick(lex.OBJECT)
    if pick.chance(0.5):
        thing = f"{pick.rng.choice(PAD_COLORS)} {thing}"
    thing = f"{pick.one('the', 'the', 'a', 'that', 'my')} {thing}"
    core = f"{pick(lex.HANDLE)} {thing}"
    if pick.chance(0.4):
        core += f" {pick.one('to', 'onto', 'from', 'on')} {pads_phrase(pick, _goals(pick, 1, 1))}"
    if pick.chance(0.35):
        robots = pick.rng.randint(1, 4)
        who = robots_phrase(pick, robots)
        core = pick.one(f"{who} {core}", f"{who} {pick(lex.MODAL)} {core}", f"{pick(lex.HAVE)} {who} {core}")
    return decorated(pick, core)


def _place(pick: Pick) -> str:
    place = invented(pick.rng) if pick.invent(0.25) else pick(lex.ELSEWHERE)
    who = robots_phrase(pick, pick.rng.randint(1, 4))
    if pick.chance(0.5):
        where = f"{pick.one('the', 'the', 'a', 'my')} {place}"
    elif pick.chance(0.6):
        where = f"the {pick.rng.choice(PAD_COLORS)} {place}"
    else:
        where = f"the {listed(pick, list(_goals(pick, 2, 4)))} {plural(place)}"
    verb, to = pick(lex.DRIVE), pick(lex.TOWARD)
    core = pick.one(
        f"{verb} {to} {where}",
        f"{pick(lex.SEND)} {who} {to} {where}",
        f"{who} {verb} {to} {where}",
        f"{pick(lex.SEND)} robot {pick.rng.randint(1, 3)} {to} {where}",
        f"{pick(lex.PARK)} {who} {pick.one('on', 'at', 'next to')} {where}",
    )
    if pick.chance(0.06):
        core = pick.one("go home", "go away", "drive around", "drive forward", "move left", "turn right", "go there",
                        "drive two meters", "come here", "back up", "go straight on", "drive somewhere")  # fmt: skip
    return decorated(pick, core)


def _color(pick: Pick) -> str:
    """A mission sentence with some colours swapped for other words."""
    while True:
        text, mission = mission_sentence(pick)
        if all(goal in text for goal in mission.goals):
            break
    for goal in pick.rng.sample(mission.goals, pick.rng.randint(1, min(2, len(mission.goals)))):
        text = text.replace(goal, invented(pick.rng) if pick.invent(0.12) else pick(lex.OTHER_COLOR))
    return text


def _count(pick: Pick) -> str:
    many = f"{pick(lex.TOO_MANY)} {plural(pick(lex.ROBOT))}"
    if pick.chance(0.25):
        many = f"{pick.one('the', 'all', 'a fleet of', 'a team of', 'my')} {many}"
    where = pick.one(
        pads_phrase(pick, _goals(pick, 1, 6)), f"their {plural(pick(lex.PAD))}", pads_phrase(pick, _goals(pick, 1, 2))
    )
    verb, to = pick(lex.DRIVE), pick(lex.TOWARD)
    return decorated(pick, pick.one(
        f"{many} {verb} {to} {where}", f"{pick(lex.SEND)} {many} {to} {where}",
        f"{many} {pick(lex.MODAL)} {verb} {to} {where}", f"{pick(lex.HAVE)} {many} {verb} {to} {where}",
        f"{pick(lex.SEND)} robot {pick.rng.randint(7, 20)} {to} {pads_phrase(pick, _goals(pick, 1, 1))}",
    ))  # fmt: skip


def _shared(pick: Pick) -> str:
    color = pick.rng.choice(PAD_COLORS)
    verb, to, send, noun, pad = pick(lex.DRIVE), pick(lex.TOWARD), pick(lex.SEND), pick(lex.ROBOT), pick(lex.PAD)
    who = pick.one(f"both {plural(noun)}", f"all {plural(noun)}", f"all the {plural(noun)}", "everyone", "everybody",
                   f"every {noun}", f"both of the {plural(noun)}", f"all my {plural(noun)}")  # fmt: skip
    where = pick.one(f"the {color} {pad}", f"the {color} {pad}", color, f"{color} {pad}")
    return decorated(pick, pick.one(
        f"{who} {verb} {to} {where}", f"{who} {verb} {to} {where}", f"{send} {who} {to} {where}", f"{who} to {where}",
        f"{pick(lex.WISH)} {who} on {where}", f"{send} {who} {to} the same {pad}",
    ))  # fmt: skip


def _time(pick: Pick) -> str:
    count = count_word(pick, pick.rng.randint(2, 30))
    bad = pick.one("an hour", "one hour", "half an hour", "a day", "a week", "a second", "one second", "no time",
                   "a millisecond", "an instant", f"{count} hours", f"{count} days", "a year", "a month")  # fmt: skip
    return late_mission(pick, bad)


def late_mission(pick: Pick, limit: str) -> str:
    """A mission sentence with a time limit in words of the caller's."""
    goals = _goals(pick)
    who, verb, to = robots_phrase(pick, len(goals)), pick(lex.DRIVE), pick(lex.TOWARD)
    core = pick.one(f"{pick(lex.SEND)} {who} {to} {pads_phrase(pick, goals)}",
                    f"{verb} {to} {pads_phrase(pick, goals[:1])}")  # fmt: skip
    is_sentence = pick.chance(0.35)
    words = pick(lex.LIMIT_SENTENCE if is_sentence else lex.LIMIT).replace("{t}", limit)
    return join_clauses(pick, core, [(words, is_sentence)])


def _negated(pick: Pick) -> str:
    return decorated(pick, f"{pick(lex.NEGATED)} {pads_phrase(pick, _goals(pick, 1, 2))}")


def _extra(pick: Pick) -> str:
    text, _ = mission_sentence(pick)
    if pick.chance(0.3):
        goals = list(_goals(pick, 2, 3))
        first = f"{pick.one('go', 'drive', 'move')} to {pick.one('the {} pad', '{}').format(goals[0])}"
        then = pick.one(" and then to {}", ", then to {}", " and after that to the {} pad", " then {}",
                        " via the {} pad", " and then drive to the {} pad", " after visiting {}",
                        " first, then {}")  # fmt: skip
        return first + "".join(then.format(goal) for goal in goals[1:])
    return f"{text}{pick.one(' ', ', ')}{pick(lex.EXTRA)}"


def _no_task(pick: Pick) -> str:
    kind = pick.rng.random()
    if kind < 0.55:
        return pick(lex.CHAT) + pick.one("", "", "?", "!", ".")
    if kind < 0.7:
        return pick(lex.FOREIGN)
    if kind < 0.85:  # word salad: the words of a real mission without its order
        words = mission_sentence(pick)[0].replace(",", "").split()
        pick.rng.shuffle(words)
        return " ".join([word for word in words if word not in _SALAD_STOP][: pick.rng.randint(1, 12)]) or "the"
    if kind < 0.93 and pick.inventive:
        return " ".join(invented(pick.rng) for _ in range(pick.rng.randint(1, 8)))
    letters = 'abcdefghijklmnopqrstuvwxyz0123456789 .,!?{}[]":/\\-_#@$%&*()äß漢🙂\n'
    return "".join(pick.rng.choice(letters) for _ in range(pick.rng.randint(1, 40)))


_MAKERS = {
    "action": _action,
    "object": _object,
    "place": _place,
    "color": _color,
    "count": _count,
    "shared-pad": _shared,
    "time": _time,
    "negated": _negated,
    "extra": _extra,
    "no-task": _no_task,
}
