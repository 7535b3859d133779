"""Tables in many formats, alignment, wide characters, numbers."""

import tabulate as module
from tabulate import SEPARATING_LINE, simple_separated_format, tabulate


def main():
    rows = [["Sun", 696000, 1989100000.5], ["Earth", 6371, 5973.6], ["Moon", 1737, 73.5]]
    headers = ["Planet", "R (km)", "mass"]
    plain = tabulate(rows, headers=headers)
    assert plain.splitlines()[0].split() == ["Planet", "R", "(km)", "mass"]
    assert tabulate([{"a": 1, "b": 2}, {"a": 3}], headers="keys").splitlines()[-1].strip() == "3"
    assert tabulate([["a|b"]], tablefmt="github").count("|") >= 2
    formats = {name: tabulate(rows, headers, tablefmt=name) for name in sorted(module.tabulate_formats)}
    assert "<table>" in formats["html"]
    assert "\\begin{tabular}" in formats["latex"]
    return {
        "plain": plain,
        "formats": formats,
        "align": tabulate(rows, headers, numalign="left", floatfmt=".1f", colalign=("right",)),
        "index": tabulate(rows, showindex=True),
        "missing": tabulate([[1, None], [2, "x"]], missingval="?"),
        "lines": tabulate([["a", "one\ntwo"], SEPARATING_LINE, ["b", "c"]], tablefmt="simple"),
        "wrapped": tabulate([["word " * 10]], maxcolwidths=[20], tablefmt="grid"),
        "tsv": tabulate([[1, 2], [3, 4]], tablefmt=simple_separated_format("\t")),
        "columns": tabulate({"x": [1, 2], "y": ["a", "b"]}, headers="keys", tablefmt="pipe"),
        "unicode": tabulate([["ä", "日本"]], tablefmt="fancy_grid"),
    }
