"""Putting words, numbers, dates and events into order; the order is worked out here, never typed."""

from starter.kinds.core import Row

WORD_INSTRUCTIONS = (
    "Sort these words alphabetically.",
    "Put the words in alphabetical order.",
    "Arrange these words from A to Z.",
)

WORDS = (
    "pear, apple, fig",
    "tiger, bear, zebra, lion",
    "green, blue, red, yellow",
    "piano, drum, violin",
    "Rome, Athens, Paris, Cairo",
    "milk, bread, eggs, cheese",
    "table, chair, lamp, shelf",
    "Maria, Ben, Olga, Carlos",
    "river, lake, ocean, sea",
    "hammer, nail, saw, drill",
    "cat, cow, camel",
    "spring, summer, stone, sand",
)

RISING_INSTRUCTIONS = (
    "Sort these numbers from smallest to largest.",
    "Put the numbers in ascending order.",
)

RISING = (
    (9, 2, 7),
    (14, 41, 4, 11),
    (88, 35, 102, 60),
    (5, 12, 1, 30, 8),
    (250, 205, 520, 502),
    (0, 17, 71, 7),
    (33, 3, 330, 303),
)

FALLING_INSTRUCTIONS = (
    "Sort these numbers from largest to smallest.",
    "Put the numbers in descending order.",
)

FALLING = (
    (3, 8, 6),
    (19, 91, 9, 10),
    (45, 54, 40, 50),
    (100, 10, 1000, 1),
    (6, 66, 16, 61),
    (72, 27, 270, 207),
)

DAY_INSTRUCTIONS = ("Put these days in the order of the week, starting with Monday.",)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MIXED_DAYS = ("Friday, Tuesday, Sunday", "Saturday, Wednesday, Monday, Thursday")

MONTH_INSTRUCTIONS = ("Put these months in calendar order.",)
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
MIXED_MONTHS = ("June, March, December", "October, April, February, August")

CLOCK_INSTRUCTIONS = (
    "Put these times in order, earliest first.",
    "Sort these times from earliest to latest.",
)
CLOCK_TIMES = ("14:30, 09:15, 22:00", "07:45, 18:10, 12:00, 07:05", "20:20, 02:20, 12:02")

EVENT_INSTRUCTIONS = (
    "Put these events in chronological order.",
    "List these events from earliest to latest.",
)
# The year of each event is part of the question, as it is in a quiz that tests ordering and not memory.
EVENTS = (
    (
        (1969, "the first Moon landing (1969)"),
        (1789, "the start of the French Revolution (1789)"),
        (1945, "the founding of the United Nations (1945)"),
    ),
    (
        (1989, "the fall of the Berlin Wall (1989)"),
        (1492, "the first voyage of Columbus to America (1492)"),
        (1776, "the American Declaration of Independence (1776)"),
    ),
    (
        (1896, "the first modern Olympic Games (1896)"),
        (1666, "the Great Fire of London (1666)"),
        (1815, "the Battle of Waterloo (1815)"),
    ),
    (
        (1889, "the opening of the Eiffel Tower (1889)"),
        (1066, "the Battle of Hastings (1066)"),
        (1912, "the sinking of the Titanic (1912)"),
    ),
)


def ordered(instructions: tuple[str, ...], questions: list[tuple[str, str]]) -> list[Row]:
    """Rows from (mixed, sorted) texts; the instructions take turns."""
    return [
        Row("sorting", instructions[turn % len(instructions)], mixed, answer)
        for turn, (mixed, answer) in enumerate(questions)
    ]


def sorted_words(mixed: str, order: tuple[str, ...] | None = None) -> str:
    """The comma-separated words in alphabetical order, or in the order given."""
    return ", ".join(sorted(mixed.split(", "), key=order.index if order else None))


def joined(numbers: tuple[int, ...] | list[int]) -> str:
    """Numbers as a comma-separated text."""
    return ", ".join(str(number) for number in numbers)


def rows() -> list[Row]:
    """All rows of this file."""
    events = [("\n".join(text for _, text in event), "\n".join(text for _, text in sorted(event))) for event in EVENTS]
    return [
        *ordered(WORD_INSTRUCTIONS, [(words, sorted_words(words)) for words in WORDS]),
        *ordered(RISING_INSTRUCTIONS, [(joined(numbers), joined(sorted(numbers))) for numbers in RISING]),
        *ordered(
            FALLING_INSTRUCTIONS, [(joined(numbers), joined(sorted(numbers, reverse=True))) for numbers in FALLING]
        ),
        *ordered(DAY_INSTRUCTIONS, [(days, sorted_words(days, DAYS)) for days in MIXED_DAYS]),
        *ordered(MONTH_INSTRUCTIONS, [(months, sorted_words(months, MONTHS)) for months in MIXED_MONTHS]),
        *ordered(CLOCK_INSTRUCTIONS, [(times, sorted_words(times)) for times in CLOCK_TIMES]),
        *ordered(EVENT_INSTRUCTIONS, events),
    ]
