"""What a process and all below it cost: for the benchmarks of servers."""

import os
import pathlib
import socket

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processes(root):
    """The process and all below it."""
    found, wanted = [root], {root}
    for entry in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            parent = int(pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if parent in wanted and entry not in wanted:
            wanted.add(entry)
            found.append(entry)
    return found


def cpu(root):
    ticks = 0
    for process in processes(root):
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def memory(root):
    total = 0
    for process in processes(root):
        for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total
