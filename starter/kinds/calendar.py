"""Days, months and years."""

from starter.kinds.core import Row, from_answers

CALENDAR = (
    ("Which month comes after March?", "The month after March is April."),
    ("Which month comes before October?", "The month before October is September."),
    ("Which day comes after Tuesday?", "The day after Tuesday is Wednesday."),
    ("Which day comes before Sunday?", "The day before Sunday is Saturday."),
    ("How many days does April have?", "April has 30 days."),
    ("How many days does August have?", "August has 31 days."),
    ("How many days does February have in a leap year?", "In a leap year, February has 29 days."),
    ("How many days does a common year have?", "A common year has 365 days."),
    ("How many days does a leap year have?", "A leap year has 366 days."),
    ("What is the last month of the year?", "The last month of the year is December."),
    ("What is the shortest month of the year?", "The shortest month of the year is February."),
    ("Today is Monday. What day will it be in three days?", "In three days it will be Thursday."),
    ("Today is Friday. What day was it two days ago?", "Two days ago it was Wednesday."),
    ("Today is Wednesday. What day will it be in one week?", "In one week it will be Wednesday."),
    ("Today is 30 June. What is tomorrow's date?", "Tomorrow is 1 July."),
    ("Today is 1 May. What was yesterday's date?", "Yesterday was 30 April."),
    ("Today is 31 December. What is tomorrow's date?", "Tomorrow is 1 January."),
    ("Which months have exactly 30 days?", "April, June, September and November have exactly 30 days."),
    ("Which two days make up the weekend in Britain?", "In Britain, the weekend is Saturday and Sunday."),
    ("On which date is New Year's Day in the Gregorian calendar?", "New Year's Day is on 1 January."),
    ("On which date is Christmas Day in Britain?", "In Britain, Christmas Day is on 25 December."),
    ("How often does a leap year usually occur?", "A leap year usually occurs every four years."),
    ("Was the year 2000 a leap year?", "Yes, the year 2000 was a leap year."),
    ("Was the year 1900 a leap year in the Gregorian calendar?", "No, the year 1900 was not a leap year."),
    ("In which century was the year 1850?", "The year 1850 was in the 19th century."),
    ("In which century was the year 1605?", "The year 1605 was in the 17th century."),
    ("How many years are there in a millennium?", "There are 1,000 years in a millennium."),
)


def rows() -> list[Row]:
    """All rows of this file."""
    return from_answers("calendar", CALENDAR)
