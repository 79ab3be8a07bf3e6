"""Three examples of something, as a list with one example on each line, and steps in order."""

from starter.kinds.core import Row

QUESTIONS = (
    ("List three {}.", ""),
    ("Name three {}.", ""),
    ("Give three examples, one on each line.", "{}"),
)

EXAMPLES = (
    ("fruits", "apple", "banana", "orange"),
    ("colours", "red", "blue", "green"),
    ("musical instruments", "piano", "violin", "trumpet"),
    ("farm animals", "cow", "pig", "sheep"),
    ("planets", "Mars", "Jupiter", "Venus"),
    ("vegetables", "carrot", "potato", "spinach"),
    ("pieces of furniture", "table", "chair", "wardrobe"),
    ("sports", "football", "tennis", "swimming"),
    ("European countries", "Italy", "Germany", "Ireland"),
    ("insects", "ant", "bee", "butterfly"),
    ("school subjects", "history", "mathematics", "biology"),
    ("means of transport", "bicycle", "train", "ship"),
    ("kitchen tools", "knife", "spoon", "whisk"),
    ("flowers", "rose", "tulip", "daisy"),
    ("metals", "iron", "copper", "aluminium"),
    ("parts of the body", "arm", "leg", "head"),
    ("jobs", "nurse", "electrician", "teacher"),
    ("birds", "owl", "sparrow", "eagle"),
    ("hot drinks", "tea", "coffee", "cocoa"),
    ("items of winter clothing", "coat", "scarf", "gloves"),
    ("prime numbers", "2", "3", "5"),
    ("continents", "Africa", "Asia", "Europe"),
    ("rooms in a house", "kitchen", "bedroom", "bathroom"),
    ("reptiles", "snake", "lizard", "tortoise"),
    ("dairy products", "milk", "cheese", "butter"),
    ("mammals that live in the sea", "whale", "dolphin", "seal"),
)

STEPS = (
    ("make a cup of tea", "Boil some water.", "Pour it over a tea bag in a cup.",
     "Wait a few minutes and take the tea bag out."),
    ("wash your hands", "Wet your hands with clean water.", "Rub them with soap for twenty seconds.",
     "Rinse and dry them."),
    ("boil an egg", "Put the egg in boiling water.", "Cook it for eight minutes.", "Cool it in cold water."),
    ("plant a seed", "Fill a pot with soil.", "Press the seed into the soil.", "Water it and put it in the light."),
    ("send an email", "Enter the recipient's address.", "Write a subject and a message.", "Click the send button."),
    ("make toast", "Put a slice of bread in the toaster.", "Push the lever down.", "Take it out when it pops up."),
    ("post a letter", "Put the letter in an envelope.", "Add the address and a stamp.", "Drop it in a postbox."),
    ("brush your teeth", "Put toothpaste on your brush.", "Brush all your teeth for two minutes.",
     "Spit out the toothpaste."),
    ("wrap a present", "Cut enough paper to cover it.", "Fold the paper around it.", "Fasten the paper with tape."),
    ("cook rice", "Rinse the rice.", "Simmer it with water in a covered pot.", "Let it rest before serving."),
    ("borrow a library book", "Choose a book.", "Take it to the desk with your card.", "Return it on time."),
    ("clean a window", "Spray the glass with cleaner.", "Wipe it with a cloth.", "Dry it until it shines."),
)  # fmt: skip

STEP_INSTRUCTIONS = ("Explain in three steps how to {}.", "Give three short steps: how to {}.")


def bulleted(lines: tuple[str, ...]) -> str:
    """One line for each text, with a dash in front."""
    return "\n".join(f"- {line}" for line in lines)


def numbered(lines: tuple[str, ...]) -> str:
    """One line for each text, with its number in front."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def rows() -> list[Row]:
    """All rows of this file."""
    examples = []
    for turn, (group, *things) in enumerate(EXAMPLES):
        instruction, given = QUESTIONS[turn % len(QUESTIONS)]
        examples.append(Row("three_examples", instruction.format(group), given.format(group), bulleted(tuple(things))))
    steps = [
        Row("three_steps", STEP_INSTRUCTIONS[turn % len(STEP_INSTRUCTIONS)].format(task), "", numbered(tuple(lines)))
        for turn, (task, *lines) in enumerate(STEPS)
    ]
    return [*examples, *steps]
