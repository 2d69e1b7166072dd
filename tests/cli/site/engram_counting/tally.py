"""Lists of numbers, one for each step, as runs of the counter."""

import numpy as np

import engram


def read(path):
    try:
        totals = np.array([[float(word)] for word in path.read_text().split()])
    except ValueError:
        raise engram.EngramError(f"{path}: has what is no number; give one number a line") from None
    return {
        "recipe": {
            "title": "A tally",
            "run": {"steps": len(totals), "dt": 0.5},
            "task": {"use": "ticking"},
            "memory": {"use": "counting"},
            "record": {"variables": ["memory.total"]},
        },
        "records": {"memory.total": totals},
        "trials": {},
        "final": {"memory.total": totals[-1]},
    }
