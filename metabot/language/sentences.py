"""Sentences that state a mission, with the mission they state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from metabot.language import lexicon as lex
from metabot.language.pick import Pick
from metabot.language.words import ORDINALS, SHORT_ORDINALS, plural, spell, third_person
from metabot.task.mission import PAD_COLORS, Mission

DEFAULT_TIME_S = 30
P_NO_COLORS = 0.1
P_CONTACT = 0.42
P_TIME = 0.45


def mission_sentence(pick: Pick) -> tuple[str, Mission]:
    """A sentence and its mission, before noise."""
    rng = pick.rng
    robots = rng.choices((1, 2, 3, 4, 5, 6), (17, 25, 27, 16, 8, 7))[0]
    if pick.chance(P_NO_COLORS):
        goals, core = PAD_COLORS[:robots], _without_colors(pick, robots)
    else:
        goals = tuple(rng.sample(PAD_COLORS, robots))
        shape = _assignment if pick.chance(0.5 if robots <= 4 else 0.3) else _listing
        core = shape(pick, goals)
    contact, contact_words = _contact(pick, robots)
    time_limit_s, time_words = _time(pick)
    text = join_clauses(pick, core, [contact_words, time_words])
    return text, Mission(goals=goals, contact=contact, time_limit_s=time_limit_s)


def robots_phrase(pick: Pick, robots: int, *, counted: float = 0.8) -> str:
    """`three robots`, `the 3 cars`, `the robots`: the group a sentence speaks about."""
    noun = pick(lex.ROBOT)
    if robots == 1:
        return pick.one(f"the {noun}", f"one {noun}", f"a {noun}", f"1 {noun}", f"my {noun}", f"a single {noun}", "it")
    many = plural(noun)
    if not pick.chance(counted):
        every = [f"both {many}", f"both of the {many}"] if robots == 2 else []
        return pick.one(f"the {many}", many, f"my {many}", f"all {many}", f"all the {many}", "them", "everyone", *every)
    count = count_word(pick, robots)
    return pick.template(
        [f"{count} {many}", f"{count} {many}", f"{count} {many}", f"the {count} {many}", f"all {count} {many}",
         f"my {count} {many}", f"{count} of the {many}", f"a team of {count} {many}", f"a fleet of {count} {many}",
         f"our {count} {many}", f"exactly {count} {many}", f"{count} of my {many}"],
        [f"a group of {count} {many}"],
        [f"a squad of {count} {many}", f"each of the {count} {many}"],
    )  # fmt: skip


def count_word(pick: Pick, number: int) -> str:
    """A count in digits or words."""
    return str(number) if pick.chance(0.35) else spell(number)


def listed(pick: Pick, items: list[str]) -> str:
    """`red, green and blue`, with the separators people use."""
    if len(items) == 1:
        return items[0]
    last = pick.one(" and ", " and ", " and ", ", and ", ", ", " & ")
    middle = " and " if last == " and " and pick.chance(0.08) else ", "
    return middle.join(items[:-1]) + last + items[-1]


def pads_phrase(pick: Pick, goals: tuple[str, ...]) -> str:
    """The pads a group drives to, in order."""
    noun = pick(lex.PAD)
    many = noun if len(goals) == 1 else plural(noun)
    colors = listed(pick, list(goals))
    if len(goals) == 1:
        return pick.template(
            [f"the {colors} {noun}", f"the {colors} {noun}", f"the {colors} {noun}", colors, f"{colors} {noun}",
             f"the {noun} that is {colors}", f"a {colors} {noun}", f"the {colors} one"],
            [f"the {colors} coloured {noun}"],
            [f"the {noun} painted {colors}"],
        )  # fmt: skip
    each = listed(pick, [f"the {goal} {noun}" for goal in goals])
    articles = listed(pick, [f"the {goal}" for goal in goals])
    return pick.template(
        [f"the {colors} {many}", f"the {colors} {many}", f"the {colors} {many}", f"the {colors} {noun}",
         f"{colors} {many}", colors, colors, each, f"{many} {colors}", f"the {many} {colors}", f"the {many}: {colors}",
         listed(pick, [f"{goal} {noun}" for goal in goals]), f"the {colors} ones", f"the {colors}", articles,
         f"{articles} {noun}", f"{articles} {many}"],
        [f"the {many} coloured {colors}", f"the {many} named {colors}"],
        [f"the {many} painted {colors}", f"the {many} with the colours {colors}"],
    )  # fmt: skip


def time_words(pick: Pick, seconds: int) -> str:
    """A duration: `20 seconds`, `half a minute`, `two minutes`."""
    unit = pick(lex.SECONDS)
    if unit == "s" or pick.chance(0.5):
        plain = f"{seconds}{pick.one(' ', ' ', '') if unit == 's' else ' '}{unit}"
    else:
        plain = f"{spell(seconds, hyphen=pick.chance(0.5))} seconds"
    special = {
        30: ["half a minute", "half a minute", "thirty seconds"],
        60: ["a minute", "one minute", "1 minute", "1 min", "sixty seconds"],
        90: ["a minute and a half", "one and a half minutes", "1.5 minutes", "one minute and 30 seconds"],
        120: ["two minutes", "2 minutes", "2 min", "2 mins"],
        15: ["a quarter of a minute", "fifteen seconds"],
    }.get(seconds)
    return pick.one(*special) if special and pick.chance(0.75) else plain


def join_clauses(pick: Pick, core: str, extras: list[tuple[str, bool]]) -> str:
    """Attach clauses in any order: after the core, before it, or as sentences of their own.

    Args:
        pick: chooser.
        core: the main clause.
        extras: (words, whether they are a sentence of their own); empty words are left out.
    """
    extras = [extra for extra in extras if extra[0]]
    pick.rng.shuffle(extras)
    text, tail = core, []
    for words, is_sentence in extras:
        if is_sentence:
            if pick.chance(0.15):
                text = f"{words}{pick.one(': ', '. ', ', ')}{text}"
            else:
                tail.append(words)
        elif pick.chance(0.12) and not words.startswith(("and ", "even ")):
            text = f"{words}{pick.one(', ', ' ')}{text}"
        else:
            text += pick.one(" ", " ", ", ") + words
    for words in tail:
        text += pick.one(". ", ". ", ", ", "; ", " - ", ", and ", " ") + words
    if pick.chance(0.22):
        text = pick(lex.GREETING) + pick.one(" ", " ", ", ") + text
    if pick.chance(0.16):
        text += pick.one(" ", ", ", ". ") + pick(lex.CLOSING)
    return text


def _contact(pick: Pick, robots: int) -> tuple[Literal["forbidden", "allowed"], tuple[str, bool]]:
    if not pick.chance(P_CONTACT if robots > 1 else 0.12):
        return "forbidden", ("", False)
    allowed, is_sentence = pick.chance(0.35), pick.chance(0.5)
    if allowed:
        return "allowed", (pick(lex.TOUCH_SENTENCE if is_sentence else lex.TOUCH), is_sentence)
    words = pick(lex.APART_SENTENCE if is_sentence else lex.APART)
    return "forbidden", (words + (pick.one("", "", " please") if is_sentence else ""), is_sentence)


def _time(pick: Pick) -> tuple[int, tuple[str, bool]]:
    if not pick.chance(P_TIME):
        return DEFAULT_TIME_S, ("", False)
    seconds = pick.rng.choice((5, 10, 15, 20, 25, 30, 30, 40, 45, 50, 60, 60, 60, 75, 80, 90, 90, 100, 120, 120))
    if pick.chance(0.75):
        seconds = pick.rng.randint(5, 120)
    is_sentence = pick.chance(0.35)
    pattern = pick(lex.LIMIT_SENTENCE if is_sentence else lex.LIMIT)
    return seconds, (pattern.replace("{t}", time_words(pick, seconds)), is_sentence)


def _without_colors(pick: Pick, robots: int) -> str:
    noun, verb, to = pick(lex.PAD), pick(lex.DRIVE), pick(lex.TOWARD)
    if robots == 1:
        who = f"{pick.one('one', 'a', '1', 'a single')} {pick(lex.ROBOT)}"
        return pick.one(
            f"{who} {third_person(verb)} {to} its {noun}",
            f"{pick(lex.SEND)} {who} {to} its {noun}",
            f"{pick(lex.HAVE)} {who} {verb} {to} its own {noun}",
        )
    who, many = robots_phrase(pick, robots, counted=1.0), plural(noun)
    return pick.template(
        [f"{who} {verb} {to} their {many}", f"{pick(lex.SEND)} {who} {to} their {many}",
         f"{who}, each {to} its own {noun}", f"{who} each {verb} {to} their own {noun}",
         f"{pick(lex.HAVE)} {who} {verb} {to} their own {many}", f"{who} {pick(lex.MODAL)} {verb} {to} their {many}",
         f"{pick(lex.PARK)} {who} on their {many}", f"{pick(lex.WISH)} {who} on their {many}",
         f"{who} {verb} {to} a {noun} each"],
        [f"every one of {who} {third_person(verb)} {to} its {noun}"],
        [f"{to} their {many}, {who}", f"a {noun} for each of {who}"],
    )  # fmt: skip


def _listing(pick: Pick, goals: tuple[str, ...]) -> str:
    """A group and the list of its pads, in order."""
    who, pads = robots_phrase(pick, len(goals)), pads_phrase(pick, goals)
    verb, to, send, modal = pick(lex.DRIVE), pick(lex.TOWARD), pick(lex.SEND), pick(lex.MODAL)
    if len(goals) == 1:
        return pick.template(
            [f"{verb} {to} {pads}", f"{verb} {to} {pads}", f"{send} {who} {to} {pads}",
             f"{who} {third_person(verb)} {to} {pads}", f"{who} {modal} {verb} {to} {pads}",
             f"{pick(lex.PARK)} on {pads}", f"{pick(lex.PARK)} {who} on {pads}",
             f"{pick(lex.HAVE)} {who} {verb} {to} {pads}",
             f"{pick.one('reach', 'visit', 'approach', 'drive and stop on')} {pads}", f"{verb} yourself {to} {pads}",
             f"{pick(lex.WISH)} {who} {pick.one('on', 'at')} {pads}", f"{who} to {pads}"],
            [f"{pads} is where {who} {modal} {verb}"],
            [f"{to} {pads}, {who}", f"make for {pads}", f"{pads} is your destination"],
        )  # fmt: skip
    subject = "they" if who in ("them", "everyone") else who
    return pick.template(
        [f"{subject} {verb} {to} {pads}", f"{subject} {verb} {to} {pads}", f"{send} {who} {to} {pads}",
         f"{send} {who} {to} {pads}", f"{subject} {modal} {verb} {to} {pads}",
         f"{pick(lex.HAVE)} {who} {verb} {to} {pads}", f"{pick(lex.PARK)} {who} on {pads}",
         f"{subject} {pick(lex.PARK)} on {pads}", f"{subject}, each to its own pad: {listed(pick, list(goals))}",
         f"{subject} {pick.one('reach', 'visit', 'approach', 'occupy', 'take')} {pads}", f"{subject} to {pads}",
         f"{subject}: {pads}", f"{subject}, {verb} {to} {pads}", f"{subject} {verb} {to} {pads} respectively",
         f"{subject} {verb}, one each, {to} {pads}", f"{verb} {to} {pads} with {who}",
         f"{pick(lex.WISH)} {who} {pick.one('on', 'on', 'at', 'to go to')} {pads}", f"{who} on {pads}",
         f"{pick(lex.WISH)} {who} {pick.one('on', 'at')} {pads}", f"{send} {who} {to} {pads} respectively",
         f"{subject} {verb} {to} their {plural(pick(lex.PAD))}: {listed(pick, list(goals))}"],
        [f"{pads} are the goals of {who}", f"it is time for {who} to {verb} {to} {pads}"],
        [f"{pads} await {who}", f"distribute {who} over {pads}", f"{to} {pads} {pick.one('go', 'drive')} {who}",
         f"{pads} have to be reached by {who}"],
    )  # fmt: skip


def _assignment(pick: Pick, goals: tuple[str, ...]) -> str:
    """Pads given robot by robot, in any order."""
    named = [(robot, goals[robot]) for robot in range(len(goals))]
    if len(goals) in (2, 3) and pick.chance(0.12):
        return _one_and_another(pick, goals)
    order = pick.rng.random()
    if order < 0.5:
        pick.rng.shuffle(named)
    elif order < 0.7:
        named.reverse()
    if len(goals) > 1 and pick.chance(0.15):
        return _numbered_group(pick, named)
    noun, pad = pick(lex.ROBOT), pick(lex.PAD)
    name = _naming(pick, noun)
    place = pick.one("the {} " + pad, "the {} " + pad, "{}", "{}", "{}", "{} " + pad, "the {} one")
    to, verb, send = pick(lex.TOWARD), pick(lex.DRIVE), pick(lex.SEND)
    shape = pick.template(
        [
            "send",
            "gap",
            "verb",
            "modal",
            "colon",
            "takes",
            "for",
            "to",
            "send_each",
            "park",
            "arrow",
            "on",
            "pad_first",
            "plain",
        ],
        ["belongs"],
        ["instead", "destination"],
    )
    pairs = [(name(robot), place.format(goal)) for robot, goal in named]
    if shape == "send":
        return f"{send} " + listed(pick, [f"{who} {to} {where}" for who, where in pairs])
    if shape == "send_each":
        return listed(pick, [f"{pick(lex.SEND)} {who} {to} {where}" for who, where in pairs])
    if shape == "park":
        return f"{pick(lex.PARK)} " + listed(pick, [f"{who} on {where}" for who, where in pairs])
    if shape == "verb":
        return listed(pick, [f"{who} {third_person(verb)} {to} {where}" for who, where in pairs])
    if shape == "modal":
        modal = pick(lex.MODAL).replace("have to", "has to").replace("are ", "is ").replace("need to", "needs to")
        return listed(pick, [f"{who} {modal} {verb} {to} {where}" for who, where in pairs])
    if shape == "on":
        return f"{pick(lex.WISH)} " + listed(
            pick, [f"{who} {pick.one('on', 'on', 'at')} {where}" for who, where in pairs]
        )
    if shape == "pad_first":
        sign = pick.one(": ", " -> ", " = ", " to ", " gets ", " is for ", " is for ", " is ", " goes to ")
        head = f"{pairs[0][1]}{pick.one(' is for ', ' for ', ' goes to ') if pick.chance(0.4) else sign}{pairs[0][0]}"
        sign = pick.one(sign, " for ")
        return pick.one(", ", ", ", "; ", " and ").join([head, *(f"{where}{sign}{who}" for who, where in pairs[1:])])
    if shape == "plain":
        return pick.one(", ", ", ", "; ", " and ").join(f"{who} {where}" for who, where in pairs)
    if shape == "takes":
        return listed(pick, [f"{who} {pick.one('takes', 'gets', 'takes', 'reaches')} {where}" for who, where in pairs])
    if shape == "for":
        return listed(pick, [f"{where} {pick.one('for', 'is for', 'to')} {who}" for who, where in pairs])
    if shape in ("colon", "arrow"):
        sign = ": " if shape == "colon" else pick.one(" -> ", " => ", " = ", " - ", "->", "=", " → ")
        return pick.one(", ", "; ", "; ").join(f"{who}{sign}{where}" for who, where in pairs)
    if shape == "belongs":
        return listed(pick, [f"{where} belongs to {who}" for who, where in pairs])
    if shape == "instead":
        return listed(pick, [f"i would have {who} over at {where}" for who, where in pairs])
    if shape == "destination":
        return listed(pick, [f"{where} is the destination of {who}" for who, where in pairs])
    first = f"{pairs[0][0]} {third_person(verb)} {to} {pairs[0][1]}" if shape == "gap" else None
    rest = [f"{who} to {where}" for who, where in pairs[1 if first else 0 :]]
    return listed(pick, [first, *rest] if first else rest)


def _numbered_group(pick: Pick, named: list[tuple[int, str]]) -> str:
    """Names in one list and pads in another: `robots 1 and 2 go to red and blue respectively`."""
    noun, to, pad = plural(pick(lex.ROBOT)), pick(lex.TOWARD), pick(lex.PAD)
    style = pick.one("{}", "{}", "{}", "r{}", "#{}")
    numbers = listed(pick, [style.format(robot + 1) for robot, _ in named])
    who = numbers if style == "r{}" else pick.one(f"{noun} {numbers}", f"{noun} {numbers}", f"the {noun} {numbers}")
    goals = listed(pick, [goal for _, goal in named])
    where = pick.one(goals, goals, f"the {goals} {plural(pad)}", f"{goals} {plural(pad)}")
    text = pick.one(
        f"{who} {pick(lex.DRIVE)} {to} {where}",
        f"{who} {pick(lex.MODAL)} {pick(lex.DRIVE)} {to} {where}",
        f"{pick(lex.SEND)} {who} {to} {where}",
        f"{pick(lex.WISH)} {who} {pick.one('on', 'at')} {where}",
        f"{pick(lex.PARK)} {who} on {where}",
        f"{who} to {where}",
    )
    return text + pick.one("", "", " respectively", ", respectively", " in that order")


def _naming(pick: Pick, noun: str) -> Callable[[int], str]:
    """How this sentence calls robot i: `robot 1`, `the second robot`, `r3`."""
    style = pick.template(
        [
            "number",
            "number",
            "number",
            "word",
            "ordinal",
            "ordinal",
            "short",
            "bare",
            "hash",
            "under",
            "letter",
            "letter",
            "nr",
            "joined",
        ],
        ["no."],
        ["called"],
    )
    return lambda robot: {
        "number": f"{noun} {robot + 1}",
        "word": f"{noun} {spell(robot + 1)}",
        "ordinal": f"the {ORDINALS[robot]} {noun}",
        "short": f"the {SHORT_ORDINALS[robot]} {noun}",
        "bare": f"the {ORDINALS[robot]}",
        "hash": f"{noun} #{robot + 1}",
        "under": f"{noun}_{robot + 1}",
        "letter": f"r{robot + 1}",
        "joined": f"{noun}{robot + 1}",
        "nr": f"{noun} number {robot + 1}",
        "no.": f"{noun} no. {robot + 1}",
        "called": f"the {noun} called {robot + 1}",
    }[style]


def _one_and_another(pick: Pick, goals: tuple[str, ...]) -> str:
    noun, to, verb = pick(lex.ROBOT), pick(lex.TOWARD), pick(lex.DRIVE)
    place = pick.one("the {} pad", "{}")
    others = [pick.one("another", "the other", "another one"), pick.one("a third", "the third", "a third one")]
    others = others[: len(goals) - 1]
    if len(goals) == 3:
        others[0] = "another"
    first = pick.one(
        f"{pick(lex.SEND)} one {noun} {to} {place.format(goals[0])}",
        f"one {noun} {third_person(verb)} {to} {place.format(goals[0])}",
    )
    return listed(
        pick, [first, *(f"{other} to {place.format(goal)}" for other, goal in zip(others, goals[1:], strict=True))]
    )
