"""A port of this machine where a connection is never made: the queue of those that wait to be accepted is full. Says the port."""

import socket
import sys

server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(0)
waiting = []
while True:
    client = socket.socket()
    client.settimeout(0.2)
    try:
        client.connect(server.getsockname())
    except TimeoutError:
        break
    waiting.append(client)
print(server.getsockname()[1], flush=True)
sys.stdin.read()
