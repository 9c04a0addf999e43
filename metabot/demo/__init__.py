"""The main job from one command: sentence, fleet, meta-training, faults, deployment, report."""
