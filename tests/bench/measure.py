"""Run a command and say what it used:  python -S measure.py RESULT.json COMMAND…

A process of its own because the kernel counts towards a command's peak memory what the process that started
it had: started from the benchmark, wget's 13 MB looked like 130.
"""

from __future__ import annotations

import json
import os
import sys
import time

if __name__ == "__main__":
    result, *command = sys.argv[1:]
    began = time.monotonic()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(process, 0)
    measured = {
        "code": os.waitstatus_to_exitcode(status),
        "wall": time.monotonic() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * 1024,
    }
    with open(result, "w") as file:  # noqa: PTH123  pathlib would add to what the command seems to use
        json.dump(measured, file)
