"""What robots exchange: updates, rounds and aggregation. Pure functions and data, no ROS."""

from metabot.fleet.aggregate import weighted_mean
from metabot.fleet.errors import FleetError
from metabot.fleet.identity import Identity
from metabot.fleet.rounds import Closed, Extended, RoundConfig, RoundKeeper
from metabot.fleet.update import MetaParameters, Rejected, Update, check_update

__all__ = [
    "Closed",
    "Extended",
    "FleetError",
    "Identity",
    "MetaParameters",
    "Rejected",
    "RoundConfig",
    "RoundKeeper",
    "Update",
    "check_update",
    "weighted_mean",
]
