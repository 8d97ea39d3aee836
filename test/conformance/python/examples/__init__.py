"""Example workflows: one a module, each with its tasks, its workflow and what must have come of a run."""
