"""Takes one job after the other: the result of a text is its SHA-256."""

import hashlib

from queue_client import Queue

queue = Queue()
while True:
    _, job = queue.call("BLPOP", "jobs", 0)
    path, _, text = job.decode().partition(" ")
    queue.call("SET", f"result:{path}", hashlib.sha256(text.encode()).hexdigest())
    print(f"{path} is done")
