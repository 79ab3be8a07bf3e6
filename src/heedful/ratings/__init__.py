"""Ratings with intervals from votes.

    files of votes -> Vote, ...       read_votes, write_votes    the published form (Chatbot Arena's)
    files of votes -> Tally           tally                      counts; what is left out, and repeated
    votes or Tally -> Ratings         rate                       Bradley-Terry, Elo, with style held equal
    Ratings        -> JSON            ratings_json

docs/ratings.md has each number with its source, and what is shown where there is none.
"""

from __future__ import annotations

from heedful.ratings.as_json import ratings_json
from heedful.ratings.fits import INTERVALS, PROFILES, Options, Profile
from heedful.ratings.rate import Rated, Ratings, rate, take_of
from heedful.ratings.tally import Take, Tally, tally
from heedful.ratings.votes import WINNERS, Vote, Winner, read_votes, vote_of, write_votes

__all__ = [
    "INTERVALS",
    "PROFILES",
    "WINNERS",
    "Options",
    "Profile",
    "Rated",
    "Ratings",
    "Take",
    "Tally",
    "Vote",
    "Winner",
    "rate",
    "ratings_json",
    "read_votes",
    "take_of",
    "tally",
    "vote_of",
    "write_votes",
]
