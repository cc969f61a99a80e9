"""Has botocore read its files of data once for all sessions of this process and of its copies, and reads what every session needs.

Which services there are, and where, takes a session as long as all the rest. Must know nothing of who calls what.
"""

import functools

import botocore.session
from botocore.exceptions import DataNotFoundError

botocore.session.create_loader = functools.cache(botocore.session.create_loader)
LOADER = botocore.session.Session().get_component("data_loader")
LOADER.list_available_services("service-2")
for _data in ("endpoints", "partitions", "_retry"):
    LOADER.load_data(_data)


def model(service):
    """Reads a service's model, which most copies want."""
    try:
        LOADER.load_service_model(service, "service-2")
    except DataNotFoundError:
        # A command of the CLI's own, such as `s3api`.
        pass
