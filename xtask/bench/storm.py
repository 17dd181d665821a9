"""Storms of processes that want a port at once: storm.py claim|scan PROCESSES ROUNDS PORTREEVE LEDGER

Each process is told a port, by portreeve or by looking for the first that is free, starts for as long as a small server
does, and then listens on it until the storm is over. Prints how many could not.
"""

import os
import socket
import subprocess
import sys
import time

WAY, PROCESSES, ROUNDS, PORTREEVE, LEDGER = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]
FIRST = 30000
STARTS_SECONDS = 0.005


def claimed(name):
    words = [PORTREEVE, "claim", name, "--ledger", LEDGER, "--policy", "none", "-q"]
    return int(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)


def scanned(_):
    for port in range(FIRST, 65536):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
                return port
            except OSError:
                pass
    raise OSError("no port is free")


def process(name, start, said, end):
    os.read(start, 1)
    port = {"claim": claimed, "scan": scanned}[WAY](name)
    time.sleep(STARTS_SECONDS)
    server = socket.socket()
    try:
        server.bind(("", port))
        server.listen()
        os.write(said, b"+")
    except OSError:
        os.write(said, b"-")
    os.read(end, 1)


def storm(number):
    start, go = os.pipe()
    heard, said = os.pipe()
    end, over = os.pipe()
    children = []
    for child in range(PROCESSES):
        pid = os.fork()
        if pid == 0:
            os.close(go)
            os.close(over)
            status = 1
            try:
                process(f"storm{number}-{child}", start, said, end)
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
    os.close(said)
    os.close(go)
    told = b""
    while len(told) < PROCESSES:
        more = os.read(heard, PROCESSES)
        if not more:
            break
        told += more
    os.close(over)
    statuses = [os.waitpid(pid, 0)[1] for pid in children]
    for descriptor in (start, heard, end):
        os.close(descriptor)
    if any(statuses) or len(told) != PROCESSES:
        sys.exit(f"{PROCESSES - len(told)} processes said nothing")
    return told.count(b"-")


print(sum(storm(number) for number in range(ROUNDS)))
