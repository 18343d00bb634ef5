"""Every test stands in an empty folder, and leaves torch's settings as they were."""

from alone import folders, real_data, torch_as_it_was  # noqa: F401 - fixtures
