"""The real model, loaded once."""

import pytest
import torch

from metabot.language import TaskReader


@pytest.fixture(scope="session")
def reader() -> TaskReader:
    torch.set_num_threads(1)
    return TaskReader.load()
