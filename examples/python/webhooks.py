"""Where Mangopay's webhooks arrive: a GET whose query has EventType, RessourceId and Date. Anything but 200 has it sent again."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def listen(handle, host="127.0.0.1", port=0):
    """Listens in a thread of its own. `handle(event, subject)` is called for each webhook; `shutdown()` ends the server."""

    class Webhook(BaseHTTPRequestHandler):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query)
            try:
                event, subject = query["EventType"][0], query["RessourceId"][0]
            except KeyError:
                self.send_error(400)
                return
            try:
                handle(event, subject)
            except Exception as error:  # whatever it was, it is to come again
                self.send_error(500, str(error))
                return
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((host, port), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
