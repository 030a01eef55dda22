"""Energy of the same windows by Zeus and by `joules`, in one process on one GPU.

    joules measure --out measured -- python3 tests/reference/zeus_windows.py zeus.json

needs torch and `zeus` (0.16), with a GPU. Zeus reads the counter once at either end of a window; `joules`, which runs
this program, finds the ticks of the counter around the marks. Windows: an even load, pulses of 50 ms in 100 ms, pulses of
300 ms in one second, and the even load for longer.
"""

import importlib
import json
import os
import sys
import time
import types

# Imported by Zeus for other ends than windows; where one is missing, an empty module stands in.
for name in ("amdsmi", "pandas", "sklearn", "sklearn.metrics", "narwhals", "tyro", "typeguard"):
    try:
        importlib.import_module(name)
    except Exception:
        sys.modules[name] = types.ModuleType(name)

import torch
from zeus.monitor import ZeusMonitor


def mark(line):
    if path := os.environ.get("JOULES_MARKS"):
        with open(path, "a") as marks:
            marks.write(f"{line} at={time.clock_gettime_ns(time.CLOCK_MONOTONIC)}\n")


a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
b = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
out = torch.empty_like(a)


def load(seconds, busy, period):
    """Matrix products for `busy` seconds of each `period`."""
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        if now % period < busy:
            torch.matmul(a, b, out=out)
            torch.cuda.synchronize()
        else:
            time.sleep(0.0005)


load(2.0, 1.0, 1.0)
monitor = ZeusMonitor(gpu_indices=[0])
found = []
for name, seconds, busy, period in [
    ("even-10s", 10.0, 1.0, 1.0),
    ("pulses-50ms-of-100ms", 10.0, 0.05, 0.1),
    ("pulses-300ms-of-1s", 10.0, 0.3, 1.0),
    ("even-25s", 25.0, 1.0, 1.0),
]:
    load(0.5, busy, period)
    monitor.begin_window(name, sync_execution=True)
    mark(f"begin {name}")
    load(seconds, busy, period)
    torch.cuda.synchronize()
    mark("end images=1")
    window = monitor.end_window(name, sync_execution=True)
    found.append({"window": name, "seconds": window.time, "energy_j": sum(window.gpu_energy.values())})
json.dump(found, open(sys.argv[1], "w"), indent=1)
print(json.dumps(found))
