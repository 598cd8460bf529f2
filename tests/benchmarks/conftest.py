"""What the tests of the benchmarks share."""

from tests.threads import one_thread  # noqa: F401 - pytest finds it here
