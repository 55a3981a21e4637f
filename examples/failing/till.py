"""GET /NET says what is to be paid. That it forgets the tax is on purpose."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Till(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path[1:].encode())


HTTPServer(("", 8000), Till).serve_forever()
