"""The workspace: everything the appliance keeps, in one private folder."""

from appliance.crypto.unlock import Unlock
from appliance.workspace.home import Home

__all__ = ["Home", "Unlock"]
