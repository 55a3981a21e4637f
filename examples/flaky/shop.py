"""GET /price: the first one that asks gets a 503, on purpose; the others a price."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Shop(BaseHTTPRequestHandler):
    open = False

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, b"ok\n")
        elif Shop.open:
            self.answer(200, b"42\n")
        else:
            Shop.open = True
            self.answer(503, b"not open yet\n")

    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("", 8000), Shop).serve_forever()
