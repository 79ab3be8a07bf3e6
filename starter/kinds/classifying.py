"""Sorting things into classes: animal, plant or mineral; positive or negative; odd or even; parts of speech."""

from starter.kinds.core import Row, from_facts

CATEGORY_QUESTIONS = (
    ("Is this an animal, a plant or a mineral?", "{0}"),
    ("Classify the word as animal, plant or mineral.", "{0}"),
    ("Sort this word into one of three groups: animal, plant, mineral.", "{0}"),
)

CATEGORIES = (
    ("oak tree", "An oak tree is a plant."),
    ("quartz", "Quartz is a mineral."),
    ("dolphin", "A dolphin is an animal."),
    ("sunflower", "A sunflower is a plant."),
    ("eagle", "An eagle is an animal."),
    ("diamond", "Diamond is a mineral."),
    ("fern", "A fern is a plant."),
    ("penguin", "A penguin is an animal."),
    ("ruby", "Ruby is a mineral."),
    ("cactus", "A cactus is a plant."),
    ("frog", "A frog is an animal."),
    ("graphite", "Graphite is a mineral."),
    ("butterfly", "A butterfly is an animal."),
    ("bamboo", "Bamboo is a plant."),
    ("snail", "A snail is an animal."),
)

TRANSPORT_QUESTIONS = (
    ("Does this travel on land, on water or in the air?", "{0}"),
    ("Classify this vehicle by where it travels: land, water or air.", "{0}"),
)

TRANSPORT = (
    ("helicopter", "A helicopter travels in the air."),
    ("tram", "A tram travels on land."),
    ("glider", "A glider travels in the air."),
    ("motorcycle", "A motorcycle travels on land."),
    ("ferry", "A ferry travels on water."),
    ("lorry", "A lorry travels on land."),
    ("sailing boat", "A sailing boat travels on water."),
    ("hot-air balloon", "A hot-air balloon travels in the air."),
    ("tractor", "A tractor travels on land."),
)

SENTIMENT_QUESTIONS = (
    ("Is this review positive or negative?", "{0}"),
    ("Classify the sentiment of this text as positive or negative.", "{0}"),
    ("Decide whether the writer is pleased: answer positive or negative.", "{0}"),
)

SENTIMENTS = (
    ("The food was delicious and the staff were very kind.", "positive"),
    ("My room was dirty and the shower did not work.", "negative"),
    ("I loved every page of this book.", "positive"),
    ("The film was so boring that I fell asleep.", "negative"),
    ("What a wonderful concert! We will come again.", "positive"),
    ("The phone broke after two days.", "negative"),
    ("These shoes are comfortable and look great.", "positive"),
    ("We waited for an hour and the soup was cold.", "negative"),
    ("The teacher explained everything clearly and patiently.", "positive"),
    ("The instructions were confusing and full of mistakes.", "negative"),
    ("A charming little hotel with a beautiful view.", "positive"),
    ("The tour was a waste of money.", "negative"),
    ("My new bicycle rides smoothly, and I use it every day.", "positive"),
    ("The waiter was rude and got our order wrong.", "negative"),
    ("The cake was perfect, and all our guests asked for more.", "positive"),
    ("The jacket lost its colour in the first wash.", "negative"),
    ("The train was crowded, hot and two hours late.", "negative"),
    ("This is the best coffee in town.", "positive"),
    ("The museum was fascinating, and our children enjoyed it too.", "positive"),
    ("I was very disappointed with the service.", "negative"),
    ("The app is easy to use and saves me a lot of time.", "positive"),
    ("The music was far too loud and we left early.", "negative"),
    ("Our guide was friendly and knew many good stories.", "positive"),
    ("The battery is empty after an hour, which is very annoying.", "negative"),
)

PARITY_QUESTIONS = (
    ("Is {0} odd or even?", ""),
    ("Is this number odd or even?", "{0}"),
)

PARITY_NUMBERS = (7, 12, 25, 48, 91, 136, 57, 80, 113, 204, 369, 1000, 19, 62)

WORD_CLASS_QUESTIONS = (
    ('Which part of speech is "{0}" in this sentence?', "{1}"),
    ('Is "{0}" a noun, a verb, an adjective or an adverb in this sentence?', "{1}"),
    ('Name the word class of "{0}".', "{1}"),
)

WORD_CLASSES = (
    ("dog", "The dog barked.", "a noun"),
    ("slowly", "He walked slowly.", "an adverb"),
    ("sang", "They sang together.", "a verb"),
    ("yellow", "She has a yellow scarf.", "an adjective"),
    ("happiness", "Money cannot buy happiness.", "a noun"),
    ("jumped", "The frog jumped into the pond.", "a verb"),
    ("friendly", "Our neighbours are friendly.", "an adjective"),
    ("carefully", "Please read the letter carefully.", "an adverb"),
    ("kitchen", "The kitchen is warm.", "a noun"),
    ("grows", "Rice grows in wet fields.", "a verb"),
    ("tall", "A tall man opened the door.", "an adjective"),
    ("often", "We often eat fish.", "an adverb"),
    ("walk", "I walk to the office.", "a verb"),
    ("answer", "Her answer was correct.", "a noun"),
    ("empty", "The bottle is empty.", "an adjective"),
    ("quietly", "The baby slept quietly.", "an adverb"),
    ("river", "The river is deep.", "a noun"),
    ("opened", "Maria opened the box.", "a verb"),
    ("wooden", "They sat on a wooden bench.", "an adjective"),
    ("never", "He never drinks tea.", "an adverb"),
    ("idea", "That is a good idea.", "a noun"),
    ("bought", "We bought a new lamp.", "a verb"),
)


def parity() -> list[Row]:
    """Odd or even, worked out from the number."""
    facts = [(str(number), "odd" if number % 2 else "even") for number in PARITY_NUMBERS]
    return from_facts("odd_or_even", PARITY_QUESTIONS, "{0} is an {1} number.", facts)


def rows() -> list[Row]:
    """All rows of this file."""
    return [
        *from_facts("categories", CATEGORY_QUESTIONS, "{1}", CATEGORIES),
        *from_facts("categories", TRANSPORT_QUESTIONS, "{1}", TRANSPORT),
        *from_facts("sentiment", SENTIMENT_QUESTIONS, "The sentiment is {1}.", SENTIMENTS),
        *parity(),
        *from_facts("word_classes", WORD_CLASS_QUESTIONS, '"{0}" is {2}.', WORD_CLASSES),
    ]
