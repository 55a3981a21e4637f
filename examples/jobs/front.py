"""PUT /jobs/NAME takes a job in, GET /jobs/NAME has its result once the worker has done it."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from queue_client import Queue


class Front(BaseHTTPRequestHandler):
    def do_PUT(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Queue().call("RPUSH", "jobs", f"{self.path} {text}")
        self.answer(202, b"")

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, Queue().call("PING"))
        elif (result := Queue().call("GET", f"result:{self.path}")) is None:
            self.answer(404, b"not done\n")
        else:
            self.answer(200, result)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 8000), Front).serve_forever()
