"""Tables as Markdown: pure functions of summaries."""

from __future__ import annotations

from collections.abc import Mapping

from deixis.metrics import THRESHOLDS, Summary


def summary_table(rows: Mapping[str, Summary]) -> str:
    """A Markdown table in percent, one row per name: n, prec@.5 .. .9, overall IoU, mean IoU.

    Args:
        rows: summaries by what they are of (method, dataset and split); a pipe in a name is escaped.

    Returns:
        The table with a newline at its end; only the head when there are no rows.
    """
    head = ["", "n", *(f"prec@{threshold:.1f}" for threshold in THRESHOLDS), "oIoU", "mIoU"]
    lines = [_line(head), _line(["---"] + ["---:"] * (len(head) - 1))]
    for name, summary in rows.items():
        shares = [*(summary.precision[threshold] for threshold in THRESHOLDS), summary.oiou, summary.miou]
        label = " ".join(name.split()).replace("|", "\\|")
        lines.append(_line([label, f"{summary.n:,}", *(f"{100 * share:.2f}" for share in shares)]))
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
