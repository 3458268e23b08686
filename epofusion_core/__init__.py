"""EPOFusion without ROS: the model, its losses and trainer, exposure-aware data, metrics, and `Fuser` for users.

`Fuser` and `FusionResult` are imported on first use, so that `import epofusion_core` costs nothing.
"""

import os
import sys
from typing import TYPE_CHECKING, Any

# OpenVINO and NNCF look up a host and write to the home folder when they are imported, unless this is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # how an import is made to fail
# ONNX Runtime looks up a host and writes to the home folder when it is imported, unless this is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from epofusion_core.fuser import Fuser, FusionResult

__version__ = "0.1.0"

__all__ = ["Fuser", "FusionResult"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol of PEP 562
    if name in __all__:
        from epofusion_core import fuser

        return getattr(fuser, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
