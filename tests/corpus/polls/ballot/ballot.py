"""Takes votes: PUT /votes/VOTER with the choice as the body."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis


class Ballot(BaseHTTPRequestHandler):
    def do_GET(self):
        self.say(b"one or the other?\n")

    def do_PUT(self):
        choice = self.rfile.read(int(self.headers["Content-Length"])).decode()
        voter = self.path.rpartition("/")[2]
        redis.Redis(host="queue").rpush("votes", f"{voter} {choice}")
        self.say(b"thank you\n")

    def say(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


ThreadingHTTPServer(("", 80), Ballot).serve_forever()
