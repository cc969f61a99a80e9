"""Source bundles: the site that the stack runs, in a first and a second version.

The first is the zip that CONFORMANCE_BUNDLE names (`confctl bundle` prints one); the second is the same with one more file.
"""

import os
import shutil
import tempfile
import zipfile


def first():
    return os.environ["CONFORMANCE_BUNDLE"]


def second():
    path = os.path.join(tempfile.mkdtemp(prefix="conformance-bundle-"), "second.zip")
    shutil.copy(first(), path)
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr("SECOND", "the second version\n")
    return path
