"""An arena: a person asks, two hidden models answer side by side, a vote, then the names; and a leaderboard of it all.

    models by name   -> Entrants            entrants.py   loaded when first asked, as many as fit
    files of answers -> Saved               saved.py      no model in memory
    votes so far     -> the next pair       pairs.py      the one whose vote tells most, or any
    a question       -> two answers         asking.py     both at once, piece by piece; stop
    what was said    <-> an SQLite file     ledger.py     on journal.py: many writers, one disk
    a conversation   -> does it count?      giveaway.py   a model that names itself; language.py
    Votes            <-> files              exchange.py   the published form
    votes            -> a leaderboard       board.py      by heedful.ratings
    arena.py         all of these together, what a visitor may do
    app.py           the routes of the pages, on heedful.web

Nothing here imports torch.
"""
