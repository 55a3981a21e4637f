"""As much of Redis' protocol as a queue needs."""

import socket


class Queue:
    def __init__(self):
        self.stream = socket.create_connection(("queue", 6379)).makefile("rwb")

    def call(self, *words):
        """Bytes, a number, a list of them, or None."""
        parts = [str(word).encode() for word in words]
        self.stream.write(b"*%d\r\n" % len(parts))
        for part in parts:
            self.stream.write(b"$%d\r\n%s\r\n" % (len(part), part))
        self.stream.flush()
        return self.answer()

    def answer(self):
        line = self.stream.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]
        raise ConnectionError(rest.decode() or "the queue is gone")
