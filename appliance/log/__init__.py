"""The audit log: who did what, when, with what outcome."""

from appliance.log.audit_log import AuditLog
from appliance.log.chain import UNLOCK_REFUSED, LogReport
from appliance.log.checkpoint import Checkpoint
from appliance.log.export import export_lines

__all__ = ["UNLOCK_REFUSED", "AuditLog", "Checkpoint", "LogReport", "export_lines"]
