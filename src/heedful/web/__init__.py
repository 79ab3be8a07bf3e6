"""What every local page of Heedful stands on: a guard before the application, fixed files, a server on loopback.

    guard.py   who may ask and what: Host, Origin, token, method, sizes, rates; the headers of every answer
    limits.py  how often
    bodies.py  JSON in, JSON out
    assets.py  pages and files that the package brings, by a fixed table
    server.py  an address, a socket, uvicorn

Nothing here knows what a page is about.
"""
