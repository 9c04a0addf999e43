"""How many adaptation episodes are played side by side before a robot looks at what they say."""

from __future__ import annotations

from collections.abc import Iterator


def doubling(episodes: int) -> Iterator[int]:
    """Sizes of rounds: one episode, then as many again as there were; of 8 episodes 1, 1, 2 and 4.

    A new context after each episode costs as many times more as there are episodes: those of one
    round run side by side.
    """
    done = 0
    while done < episodes:
        count = min(max(1, done), episodes - done)
        yield count
        done += count
