"""Reading answers by hand: two hidden ones side by side, or one at a time; marks that are never lost; what they say.

    files of Responses -> ReviewSet              items.py    joined on example ids, drawn by seed
    a reviewer's marks <-> an SQLite file        marks.py    also undo, names, the sheets that were sent out
    ReviewSet + marks  -> what the page shows    session.py  nothing that says who wrote what
                       -> Result                 result.py   who won, with intervals and agreement
                       -> Scores, CSV            export.py
                       <-> a page to send out    offline.py
    app.py             the routes of the page, on heedful.web

Nothing here imports torch.
"""
