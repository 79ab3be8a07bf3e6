"""Extracting the facts of a sentence as JSON, with the keys named in the instruction."""

import json

from starter.kinds.core import Row

INSTRUCTIONS = (
    "Extract {keys} from the sentence as JSON.",
    "Read the sentence and return {keys} as a JSON object.",
    "Write {keys} as JSON.",
)

PERSON = ("name", "age", "city")
PEOPLE = (
    ("Anna is 29 years old and lives in Vienna.", ("Anna", 29, "Vienna")),
    ("My friend Carlos, who is 41, lives in Lima.", ("Carlos", 41, "Lima")),
    ("Yuki lives in Osaka. She is 17 years old.", ("Yuki", 17, "Osaka")),
    ("At 63, Mr Patel still lives in Mumbai.", ("Mr Patel", 63, "Mumbai")),
    ("In Dublin we met Sean, who is 35 years old.", ("Sean", 35, "Dublin")),
    ("The oldest guest was Ingrid from Oslo, aged 88.", ("Ingrid", 88, "Oslo")),
)

ORDER = ("item", "quantity", "price_each")
ORDERS = (
    ("We ordered 3 lamps at 20 euros each.", ("lamps", 3, 20)),
    ("He bought 12 pencils for 1 dollar each.", ("pencils", 12, 1)),
    ("Please send us 5 chairs. They cost 45 pounds each.", ("chairs", 5, 45)),
    ("I would like 6 notebooks. They cost 4 euros each.", ("notebooks", 6, 4)),
    ("The school needs 30 dictionaries at 15 dollars each.", ("dictionaries", 30, 15)),
    ("At 2 euros each, she took 8 candles.", ("candles", 8, 2)),
)

MEETING = ("event", "day", "time")
MEETINGS = (
    ("The piano lesson is on Tuesday at 16:30.", ("piano lesson", "Tuesday", "16:30")),
    ("On Friday at 20:00 there is a concert.", ("concert", "Friday", "20:00")),
    ("Our team meeting takes place on Monday at 9:15.", ("team meeting", "Monday", "9:15")),
    ("Don't forget the football match on Saturday at 14:00.", ("football match", "Saturday", "14:00")),
    ("The book club meets at 19:00 on Thursday.", ("book club", "Thursday", "19:00")),
    ("The chess tournament begins on Sunday at 10:00.", ("chess tournament", "Sunday", "10:00")),
    ("There will be a fire drill at 11:45 on Wednesday.", ("fire drill", "Wednesday", "11:45")),
)

TRIP = ("from", "to", "transport")
TRIPS = (
    ("We travelled from Berlin to Prague by train.", ("Berlin", "Prague", "train")),
    ("Tom is flying from London to Boston by plane.", ("London", "Boston", "plane")),
    ("They took the ferry from Naples to Palermo.", ("Naples", "Palermo", "ferry")),
    ("She goes by bus from Lyon to Geneva.", ("Lyon", "Geneva", "bus")),
    ("From Seville we drove to Lisbon by car.", ("Seville", "Lisbon", "car")),
    ("To get to Kyoto from Tokyo, he took the train.", ("Tokyo", "Kyoto", "train")),
)

ANIMAL = ("name", "animal", "colour")
ANIMALS = (
    ("My cat Luna is black.", ("Luna", "cat", "black")),
    ("We have a brown dog called Bruno.", ("Bruno", "dog", "brown")),
    ("Her white rabbit is named Cotton.", ("Cotton", "rabbit", "white")),
    ("Kiwi is a green parrot.", ("Kiwi", "parrot", "green")),
)

BOOK = ("title", "author", "pages")
BOOKS = (
    ('"The Quiet Harbour" by Ellen Marsh has 240 pages.', ("The Quiet Harbour", "Ellen Marsh", 240)),
    ('Paul Weber is the author of "Seven Winters", a book of 312 pages.', ("Seven Winters", "Paul Weber", 312)),
    ('I read all 180 pages of "Paper Boats" by Rosa Lind.', ("Paper Boats", "Rosa Lind", 180)),
    ('At 95 pages, "The Blue Kite" by Omar Sabri is a short book.', ("The Blue Kite", "Omar Sabri", 95)),
    ('Nina Hall wrote "A Garden in June", which has 204 pages.', ("A Garden in June", "Nina Hall", 204)),
)

TABLES = ((PERSON, PEOPLE), (ORDER, ORDERS), (MEETING, MEETINGS), (TRIP, TRIPS), (ANIMAL, ANIMALS), (BOOK, BOOKS))


def named(keys: tuple[str, ...]) -> str:
    """The keys as they are named in an instruction."""
    return ", ".join(f'"{key}"' for key in keys[:-1]) + f' and "{keys[-1]}"'


def rows() -> list[Row]:
    """All rows of this file."""
    return [
        Row(
            "json_extraction",
            INSTRUCTIONS[turn % len(INSTRUCTIONS)].format(keys=named(keys)),
            sentence,
            json.dumps(dict(zip(keys, values, strict=True)), ensure_ascii=False, indent=2),
        )
        for keys, table in TABLES
        for turn, (sentence, values) in enumerate(table)
    ]
