"""Settings for the property tests: a slow machine is not a fault in the arithmetic."""

from hypothesis import settings

settings.register_profile("redress", deadline=None, derandomize=True, max_examples=80)
settings.load_profile("redress")
