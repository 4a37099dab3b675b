"""`lamina_`: what standard namespaces have no method for."""

from typing import Annotated, Any

from node.rollup.head_report import HeadReports
from node.rpc import Namespace, rpc_method


def parse_head_name(value: Any) -> str:
    if value not in ("unsafe", "safe", "finalized"):
        raise ValueError(f"unknown head {value!r}, want unsafe, safe or finalized")
    return str(value)


HeadParam = Annotated[str | None, parse_head_name]


class Lamina(Namespace):
    """`lamina_whyHead`."""

    name = "lamina"

    def __init__(self, doctor: HeadReports) -> None:
        self._doctor = doctor

    @rpc_method("whyHead")
    def why_head(self, head: HeadParam = None) -> dict[str, Any]:
        """Why a head (`unsafe`, `safe`, `finalized`) is where it is: state, stage, block, cause, remedy; without one, all."""
        if head is not None:
            return self._doctor.report(head).to_json()
        reports = self._doctor.all()
        return {
            "healthy": all(report.is_healthy for report in reports),
            "heads": [report.to_json() for report in reports],
            "notes": self._doctor.notes(),
        }
