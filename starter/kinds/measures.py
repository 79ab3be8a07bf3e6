"""Converting units, times of day and spans of time; every result is computed exactly."""

from fractions import Fraction

from starter.kinds.core import Row, from_facts

# One of the unit, more of it, the size of one in the base unit of its group.
UNITS: dict[str, tuple[str, str, Fraction]] = {
    "mm": ("millimetre", "millimetres", Fraction(1, 1000)),
    "cm": ("centimetre", "centimetres", Fraction(1, 100)),
    "m": ("metre", "metres", Fraction(1)),
    "km": ("kilometre", "kilometres", Fraction(1000)),
    "in": ("inch", "inches", Fraction(254, 10000)),
    "ft": ("foot", "feet", Fraction(3048, 10000)),
    "yd": ("yard", "yards", Fraction(9144, 10000)),
    "nmi": ("nautical mile", "nautical miles", Fraction(1852)),
    "g": ("gram", "grams", Fraction(1)),
    "mg": ("milligram", "milligrams", Fraction(1, 1000)),
    "kg": ("kilogram", "kilograms", Fraction(1000)),
    "t": ("metric tonne", "metric tonnes", Fraction(1000000)),
    "oz": ("ounce", "ounces", Fraction(45359237, 1600000)),
    "lb": ("pound", "pounds", Fraction(45359237, 100000)),
    "l": ("litre", "litres", Fraction(1)),
    "ml": ("millilitre", "millilitres", Fraction(1, 1000)),
    "cl": ("centilitre", "centilitres", Fraction(1, 100)),
    "m3": ("cubic metre", "cubic metres", Fraction(1000)),
    "m2": ("square metre", "square metres", Fraction(1)),
    "ha": ("hectare", "hectares", Fraction(10000)),
    "bit": ("bit", "bits", Fraction(1)),
    "byte": ("byte", "bytes", Fraction(8)),
    "s": ("second", "seconds", Fraction(1)),
    "min": ("minute", "minutes", Fraction(60)),
    "h": ("hour", "hours", Fraction(3600)),
    "d": ("day", "days", Fraction(86400)),
    "wk": ("week", "weeks", Fraction(604800)),
    "mo": ("month", "months", Fraction(1)),
    "yr": ("year", "years", Fraction(12)),
    "decade": ("decade", "decades", Fraction(120)),
    "century": ("century", "centuries", Fraction(1200)),
}

CONVERT_QUESTIONS = (
    ("Convert {0} to {1}.", ""),
    ("Convert this to {1}.", "{0}"),
    ("How many {1} are there in {0}?", ""),
    ("Write this measurement in {1}.", "{0}"),
)

CONVERSIONS = (
    ("3", "km", "m"),
    ("2.5", "m", "cm"),
    ("4", "kg", "g"),
    ("1.5", "l", "ml"),
    ("7500", "m", "km"),
    ("320", "cm", "m"),
    ("6", "ft", "in"),
    ("250", "g", "kg"),
    ("45", "mm", "cm"),
    ("10", "in", "cm"),
    ("8", "cm", "mm"),
    ("2", "t", "kg"),
    ("750", "ml", "l"),
    ("4", "yd", "ft"),
    ("2", "lb", "oz"),
    ("3", "ha", "m2"),
    ("1.2", "m", "mm"),
    ("5000", "kg", "t"),
    ("4", "byte", "bit"),
    ("50", "cl", "ml"),
    ("1", "nmi", "m"),
    ("2", "m3", "l"),
    ("36", "in", "ft"),
    ("500", "mg", "g"),
    ("0.5", "km", "m"),
    ("100", "yd", "m"),
)

CELSIUS_QUESTIONS = (("Convert {0} degrees Celsius to Fahrenheit.", ""), ("Convert this to Fahrenheit.", "{0} °C"))
CELSIUS = (0, 100, 20, 35, 10)
FAHRENHEIT_QUESTIONS = (
    ("Convert {0} degrees Fahrenheit to Celsius.", ""),
    ("Convert this to Celsius.", "{0} °F"),
)
FAHRENHEIT = (59, 86, 41)

SPAN_QUESTIONS = (
    ("How many {1} are there in {0}?", ""),
    ("Convert {0} to {1}.", ""),
    ("Write this span of time in {1}.", "{0}"),
)

SPANS = (
    ("3", "h", "min"),
    ("5", "min", "s"),
    ("2", "wk", "d"),
    ("4", "d", "h"),
    ("90", "min", "h"),
    ("2", "yr", "mo"),
    ("240", "s", "min"),
    ("72", "h", "d"),
    ("3", "century", "yr"),
    ("35", "d", "wk"),
    ("5", "decade", "yr"),
    ("36", "mo", "yr"),
    ("2.5", "h", "min"),
)

CLOCK_QUESTIONS = (
    ("Write {0} in 24-hour time.", ""),
    ("Convert this time to the 24-hour clock.", "{0}"),
)
CLOCK = ((3, 30, "p.m."), (7, 5, "a.m."), (11, 45, "p.m."), (1, 15, "p.m."), (9, 20, "a.m."), (6, 0, "p.m."))

TWELVE_QUESTIONS = (
    ("Write {0} in 12-hour time.", ""),
    ("Convert this time to the 12-hour clock.", "{0}"),
)
TWELVE = ((16, 40), (8, 25), (21, 0), (13, 50), (19, 10), (22, 35))


def plain(amount: Fraction) -> str:
    """An exact decimal with commas between thousands, such as 1,500 or 0.75."""
    whole, rest = divmod(amount, 1)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
        if len(digits) > 4:
            raise ValueError(f"{amount} is not a short decimal")
    return f"{whole:,}" + (f".{digits}" if digits else "")


def counted(amount: Fraction, unit: str) -> str:
    """The amount with its unit, in the singular only for exactly one."""
    one, many, _ = UNITS[unit]
    return f"{plain(amount)} {one if amount == 1 else many}"


def converted(kind: str, questions: tuple[tuple[str, str], ...], table: tuple[tuple[str, str, str], ...]) -> list[Row]:
    """Rows that convert an amount from one unit to another of the same group."""
    facts = []
    for text, unit, target in table:
        amount = Fraction(text)
        result = amount * UNITS[unit][2] / UNITS[target][2]
        facts.append((counted(amount, unit), UNITS[target][1], counted(result, target)))
    return from_facts(kind, questions, "{0} is {2}.", facts)


def temperatures() -> list[Row]:
    """Rows that convert between Celsius and Fahrenheit."""
    to_fahrenheit = [(str(degrees), plain(Fraction(degrees) * 9 / 5 + 32)) for degrees in CELSIUS]
    to_celsius = [(str(degrees), plain(Fraction(degrees - 32) * 5 / 9)) for degrees in FAHRENHEIT]
    kind = "unit_conversion"
    return [
        *from_facts(kind, CELSIUS_QUESTIONS, "{0} degrees Celsius is {1} degrees Fahrenheit.", to_fahrenheit),
        *from_facts(kind, FAHRENHEIT_QUESTIONS, "{0} degrees Fahrenheit is {1} degrees Celsius.", to_celsius),
    ]


def clocks() -> list[Row]:
    """Rows that change between the 12-hour and the 24-hour clock."""
    to_day = [
        (f"{hour}:{minute:02} {half}", f"{hour + 12 * (half == 'p.m.'):02}:{minute:02}") for hour, minute, half in CLOCK
    ]
    to_half = [
        (f"{hour:02}:{minute:02}", f"{(hour - 1) % 12 + 1}:{minute:02} {'p.m.' if hour >= 12 else 'a.m.'}")
        for hour, minute in TWELVE
    ]
    return [
        *from_facts("time_conversion", CLOCK_QUESTIONS, "{0} is {1} in 24-hour time.", to_day),
        *from_facts("time_conversion", TWELVE_QUESTIONS, "{0} is {1} in 12-hour time.", to_half),
    ]


def rows() -> list[Row]:
    """All rows of this file."""
    return [
        *converted("unit_conversion", CONVERT_QUESTIONS, CONVERSIONS),
        *temperatures(),
        *converted("time_conversion", SPAN_QUESTIONS, SPANS),
        *clocks(),
    ]
