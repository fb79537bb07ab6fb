"""Which files are not the user's."""

import os
import sysconfig

OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
LIBRARIES = (
    *(os.path.join(sysconfig.get_path(kind), "") for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
    "<frozen",
)
"""What the file names of the standard library and of installed packages begin with."""
