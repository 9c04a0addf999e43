"""What can go wrong with a fleet, for those who only want to catch it."""


class FleetError(RuntimeError):
    """The fleet did not do what was asked; the message is one line."""
