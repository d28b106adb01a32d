# SPDX-License-Identifier: BSD-2-Clause
"""Knock on a port again and again: `knock TARGET PORT EVERY PATIENCE`, JSON lines on stdout until killed.

TARGET is an address, or a name that is looked up for each attempt.  A line: {"time", "seconds",
"address", "answer"}; answer = the first line that the server says, or refused, timeout, ...
"""

import json
import socket
import sys
import time


def knock(target: str, port: int, patience: float) -> dict:
    """One attempt: connect, read the greeting, leave."""
    began, address = time.time(), ""
    try:
        family, _, _, _, where = socket.getaddrinfo(target, port, type=socket.SOCK_STREAM)[0]
        address = where[0]
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(patience)
            connection.connect(where)
            answer = connection.recv(512).partition(b"\r\n")[0].decode("ascii", "replace")
            connection.sendall(b"QUIT\r\n")
    except ConnectionRefusedError:
        answer = "refused"
    except TimeoutError:
        answer = "timeout"
    except OSError as error:
        answer = error.strerror or str(error)
    return {"time": began, "seconds": round(time.time() - began, 4), "address": address,
            "answer": answer or "closed"}


def main() -> None:
    """Knock on schedule; a slow attempt delays the next one."""
    target, port, every, patience = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    while True:
        line = knock(target, port, patience)
        print(json.dumps(line), flush=True)
        time.sleep(max(0.0, line["time"] + every - time.time()))


if __name__ == "__main__":
    main()
