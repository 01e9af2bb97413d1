"""Find personal data in texts: `Detector`, built from `DetectorSettings`.

normalise -> patterns -> names -> models -> customers' recognizers -> propagation -> filters.
"""

from appliance.redact.detect.detector import Detector
from appliance.redact.detect.residual import second_look
from appliance.redact.detect.settings import DetectorSettings, Hint

__all__ = ["Detector", "DetectorSettings", "Hint", "second_look"]
