"""Words: synonyms, opposites, plurals, abbreviations, definitions and analogies."""

from starter.kinds.core import Row, from_answers, from_facts

SYNONYM_QUESTIONS = (
    ('Give a synonym for "{0}".', ""),
    ("Give a synonym for this word.", "{0}"),
    ('What is another word for "{0}"?', ""),
    ("Name a word that means the same.", "{0}"),
)

SYNONYMS = (
    ("happy", "glad"),
    ("big", "large"),
    ("begin", "start"),
    ("quick", "fast"),
    ("silent", "quiet"),
    ("clever", "smart"),
    ("finish", "end"),
    ("wealthy", "rich"),
    ("tiny", "minuscule"),
    ("answer", "reply"),
    ("courageous", "brave"),
    ("difficult", "hard"),
    ("purchase", "buy"),
    ("ill", "sick"),
    ("mistake", "error"),
    ("repair", "mend"),
    ("scared", "afraid"),
    ("select", "choose"),
    ("present", "gift"),
    ("odd", "strange"),
    ("shout", "yell"),
    ("assist", "help"),
    ("rock", "stone"),
    ("jump", "leap"),
)

OPPOSITE_QUESTIONS = (
    ('What is the opposite of "{0}"?', ""),
    ("Give the opposite of this word.", "{0}"),
    ('Name an antonym of "{0}".', ""),
    ("Which word means the opposite?", "{0}"),
)

OPPOSITES = (
    ("hot", "cold"),
    ("full", "empty"),
    ("early", "late"),
    ("buy", "sell"),
    ("always", "never"),
    ("deep", "shallow"),
    ("wide", "narrow"),
    ("arrive", "depart"),
    ("ancient", "modern"),
    ("remember", "forget"),
    ("heavy", "light"),
    ("noisy", "quiet"),
    ("win", "lose"),
    ("thick", "thin"),
    ("strong", "weak"),
    ("push", "pull"),
    ("above", "below"),
    ("clean", "dirty"),
    ("tall", "short"),
    ("young", "old"),
    ("increase", "decrease"),
    ("wet", "dry"),
    ("cheap", "expensive"),
    ("dangerous", "safe"),
    ("success", "failure"),
    ("inside", "outside"),
    ("polite", "rude"),
    ("accept", "refuse"),
    ("float", "sink"),
)

PLURAL_QUESTIONS = (
    ('What is the plural of "{0}"?', ""),
    ("Write the plural of this noun.", "{0}"),
    ('Give the plural form of "{0}".', ""),
    ("Give the plural of this word.", "{0}"),
)

PLURALS = (
    ("child", "children"),
    ("city", "cities"),
    ("mouse", "mice"),
    ("leaf", "leaves"),
    ("tooth", "teeth"),
    ("box", "boxes"),
    ("sheep", "sheep"),
    ("knife", "knives"),
    ("woman", "women"),
    ("potato", "potatoes"),
    ("foot", "feet"),
    ("baby", "babies"),
    ("goose", "geese"),
    ("wolf", "wolves"),
    ("church", "churches"),
    ("crisis", "crises"),
    ("tomato", "tomatoes"),
    ("man", "men"),
    ("bus", "buses"),
    ("country", "countries"),
    ("shelf", "shelves"),
    ("ox", "oxen"),
    ("watch", "watches"),
    ("story", "stories"),
    ("roof", "roofs"),
    ("piano", "pianos"),
)

ABBREVIATION_QUESTIONS = (
    ('What does "{0}" stand for?', ""),
    ("Write out this abbreviation in full.", "{0}"),
    ('What is the full form of "{0}"?', ""),
)

ABBREVIATIONS = (
    ("NASA", "National Aeronautics and Space Administration"),
    ("km", "kilometre"),
    ("UN", "United Nations"),
    ("DNA", "deoxyribonucleic acid"),
    ("CPU", "central processing unit"),
    ("WHO", "World Health Organization"),
    ("USB", "Universal Serial Bus"),
    ("e.g.", 'exempli gratia", Latin for "for example'),
    ("EU", "European Union"),
    ("HTML", "HyperText Markup Language"),
    ("kg", "kilogram"),
    ("UFO", "unidentified flying object"),
    ("PDF", "Portable Document Format"),
    ("i.e.", 'id est", Latin for "that is'),
    ("FAQ", "frequently asked questions"),
    ("GPS", "Global Positioning System"),
    ("RAM", "random-access memory"),
    ("URL", "Uniform Resource Locator"),
    ("LED", "light-emitting diode"),
    ("VIP", "very important person"),
    ("DIY", "do it yourself"),
    ("ASAP", "as soon as possible"),
    ("BBC", "British Broadcasting Corporation"),
)

DEFINITION_QUESTIONS = (
    ("Define the word in one sentence.", "{0}"),
    ('What does the word "{0}" mean?', ""),
    ('Explain the word "{0}" in one sentence.', ""),
    ("Give a short definition of this word.", "{0}"),
)

DEFINITIONS = (
    ("archipelago", "An archipelago is a group of islands."),
    ("glacier", "A glacier is a large mass of ice that moves slowly over land."),
    ("library", "A library is a place where people can read and borrow books."),
    ("thermometer", "A thermometer is an instrument that measures temperature."),
    ("mammal", "A mammal is a warm-blooded animal that feeds its young with milk."),
    ("recipe", "A recipe is a set of instructions for preparing a dish."),
    ("triangle", "A triangle is a flat shape with three straight sides."),
    ("vowel", "A vowel is a speech sound made with an open mouth, such as a, e, i, o or u."),
    ("volcano", "A volcano is an opening in the ground through which lava, ash and gas escape."),
    ("bakery", "A bakery is a place where bread and cakes are made or sold."),
    ("autobiography", "An autobiography is the story of a person's life, written by that person."),
    ("orchard", "An orchard is a piece of land where fruit trees are grown."),
    ("desert", "A desert is a dry area of land where very little rain falls."),
    ("telescope", "A telescope is an instrument that makes distant objects look larger and nearer."),
    ("nocturnal", "Nocturnal means active at night."),
    ("carpenter", "A carpenter is a person who makes or repairs things made of wood."),
    ("eclipse", "An eclipse happens when one body in space blocks the light of another."),
    ("transparent", "Transparent means clear enough to see through."),
    ("evaporation", "Evaporation is the change of a liquid into a gas."),
    ("democracy", "A democracy is a system in which people choose their government by voting."),
    ("compass", "A compass is an instrument that shows which direction is north."),
    ("fragile", "Fragile means easily broken or damaged."),
    ("peninsula", "A peninsula is a piece of land that is almost surrounded by water."),
    ("synonym", "A synonym is a word with the same or nearly the same meaning as another word."),
    ("annual", "Annual means happening once every year."),
    ("photosynthesis", "Photosynthesis is the process by which plants use sunlight to make their food."),
    ("bilingual", "Bilingual means able to speak two languages."),
    ("century", "A century is a period of one hundred years."),
)

ANALOGY_QUESTIONS = (
    ("Complete the analogy: {0} is to {1} as {2} is to ___.", ""),
    ("Complete the analogy.", "{0} is to {1} as {2} is to ___"),
    ("What is the missing word? {0} is to {1} as {2} is to ___.", ""),
    ("Fill in the missing word.", "{0} is to {1} as {2} is to ___"),
)

ANALOGIES = (
    ("puppy", "dog", "kitten", "cat"),
    ("bird", "nest", "bee", "hive"),
    ("finger", "hand", "toe", "foot"),
    ("day", "week", "month", "year"),
    ("pen", "write", "knife", "cut"),
    ("up", "down", "left", "right"),
    ("singer", "sing", "dancer", "dance"),
    ("eye", "see", "ear", "hear"),
    ("fish", "swim", "bird", "fly"),
    ("Paris", "France", "Rome", "Italy"),
    ("calf", "cow", "lamb", "sheep"),
    ("hot", "summer", "cold", "winter"),
    ("driver", "car", "pilot", "aeroplane"),
    ("teacher", "school", "doctor", "hospital"),
    ("breakfast", "morning", "dinner", "evening"),
    ("king", "queen", "prince", "princess"),
    ("glove", "hand", "sock", "foot"),
    ("minute", "hour", "second", "minute"),
    ("snow", "white", "grass", "green"),
    ("lion", "roar", "dog", "bark"),
    ("petal", "flower", "page", "book"),
    ("good", "better", "bad", "worse"),
    ("thermometer", "temperature", "clock", "time"),
    ("uncle", "aunt", "nephew", "niece"),
    ("go", "went", "see", "saw"),
    ("triangle", "three", "square", "four"),
)


def analogies() -> list[Row]:
    """The analogies, each answered by the whole sentence with a capital letter."""
    rows = from_facts("analogies", ANALOGY_QUESTIONS, "{0} is to {1} as {2} is to {3}.", ANALOGIES)
    return [row._replace(output=row.output[0].upper() + row.output[1:]) for row in rows]


def definitions() -> list[Row]:
    """The definitions; each is written out as a full sentence, so that its article is right."""
    return from_facts("definitions", DEFINITION_QUESTIONS, "{1}", DEFINITIONS)


PICKED_WORDS = (
    ("Which word does not belong: apple, pear, chair, plum?", "The word that does not belong is chair."),
    ("Which word does not belong: red, blue, green, table?", "The word that does not belong is table."),
    ("Which word does not belong: dog, horse, cow, bus?", "The word that does not belong is bus."),
    ("Which word does not belong: shirt, sock, spoon, hat?", "The word that does not belong is spoon."),
    ("Which word does not belong: Monday, Friday, July, Sunday?", "The word that does not belong is July."),
    ("Which word does not belong: piano, hammer, violin, flute?", "The word that does not belong is hammer."),
    ("Which word does not belong: rose, tulip, daisy, shark?", "The word that does not belong is shark."),
    ("Which word does not belong: circle, square, triangle, Tuesday?", "The word that does not belong is Tuesday."),
    ("Which word does not belong: run, jump, walk, bottle?", "The word that does not belong is bottle."),
    ("Which word does not belong: French, Japanese, chemistry, Arabic?", "The word that does not belong is chemistry."),
    ("Which word does not belong: gold, silver, iron, cotton?", "The word that does not belong is cotton."),
    ("Which word does not belong: uncle, cousin, pillow, sister?", "The word that does not belong is pillow."),
)


def rows() -> list[Row]:
    """All rows of this file."""
    return [
        *from_facts("synonyms", SYNONYM_QUESTIONS, 'A synonym for "{0}" is "{1}".', SYNONYMS),
        *from_facts("opposites", OPPOSITE_QUESTIONS, 'The opposite of "{0}" is "{1}".', OPPOSITES),
        *from_facts("plurals", PLURAL_QUESTIONS, 'The plural of "{0}" is "{1}".', PLURALS),
        *from_facts("abbreviations", ABBREVIATION_QUESTIONS, '"{0}" stands for "{1}".', ABBREVIATIONS),
        *definitions(),
        *analogies(),
        *from_answers("odd_one_out", PICKED_WORDS),
    ]
