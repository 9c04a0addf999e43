"""What there is to adapt to: how many policies a problem needs, and what each of them is worth on another's task."""
