"""`heedful serve`: a model for clients of OpenAI's interface.

    faults.py    what goes wrong, in OpenAI's form
    gate.py      who may ask at all: Host, Origin, key, sizes; before anything else
    asked.py     a request's JSON, read and checked
    replies.py   an answer's JSON, whole or in pieces
    answering.py a request's way: tickets at the model's thread, what they say, time-outs, clients that leave
    figures.py   what /metrics tells
    app.py       the routes
    running.py   the socket, and a clean end
    others.py    vLLM's and transformers' own servers

The model itself is in a thread of its own (`heedful.backends.worker`); here is only asyncio, and no tensor.
"""
