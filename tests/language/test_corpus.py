"""The corpus is repeatable, keeps its splits apart, and its missions agree with its sentences."""

from itertools import islice

from metabot.language import lexicon
from metabot.language.answer import parse_answer
from metabot.language.check import contradiction
from metabot.language.corpus import examples
from metabot.language.lexicon import Words
from metabot.language.unsupported import REASONS
from metabot.task import PAD_COLORS


def test_the_same_seed_gives_the_same_corpus() -> None:
    assert list(islice(examples(3), 300)) == list(islice(examples(3), 300))
    assert list(islice(examples(3), 300)) != list(islice(examples(4), 300))


def test_held_out_phrases_are_never_trained() -> None:
    for words in vars(lexicon).values():
        if isinstance(words, Words):
            assert not set(words.train) & set(words.validation + words.test), words.name
            assert not set(words.validation) & set(words.test), words.name


def test_other_splits_always_hold_an_unseen_phrase() -> None:
    assert all(example.novel for example in islice(examples(0, "test"), 200))
    assert not any(example.novel for example in islice(examples(0), 200))


def test_every_answer_parses_and_every_reason_occurs() -> None:
    seen = set()
    for example in islice(examples(1), 2000):
        answer = parse_answer(example.answer)
        if example.mission is None:
            seen.add(example.reason)
            assert answer.unsupported == example.reason
        else:
            assert answer == example.mission
    assert seen == set(REASONS)


def test_missions_use_all_counts_colours_contacts_and_times() -> None:
    missions = [example.mission for example in islice(examples(2, unsupported=0.0), 3000)]
    assert {mission.robots for mission in missions} == set(range(1, 7))
    assert {mission.goals[0] for mission in missions} == set(PAD_COLORS)
    assert {mission.contact for mission in missions} == {"forbidden", "allowed"}
    assert len({mission.time_limit_s for mission in missions}) > 100


def test_sentences_state_the_missions_they_stand_for() -> None:
    against = [
        (example.sentence, contradiction(example.sentence, example.mission))
        for split in ("train", "validation", "test")
        for example in islice(examples(6, split, unsupported=0.0), 1000)
        if contradiction(example.sentence, example.mission)
    ]
    assert len(against) <= 15, against  # a typing error may hide a number, "without delay" sounds like a ban
