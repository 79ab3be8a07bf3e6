"""Famous works and the people who made them, and proverbs to complete."""

from starter.kinds.core import Row, from_facts

MAKER_QUESTIONS = {
    "wrote": (('Who wrote "{0}"?', ""), ("Name the author of this work.", "{0}")),
    "painted": (('Who painted "{0}"?', ""), ("Name the painter of this picture.", "{0}")),
    "composed": (('Who composed "{0}"?', ""), ("Name the composer of this work.", "{0}")),
}

WORKS = (
    ("wrote", "Hamlet", "William Shakespeare"),
    ("wrote", "Don Quixote", "Miguel de Cervantes"),
    ("wrote", "Pride and Prejudice", "Jane Austen"),
    ("wrote", "War and Peace", "Leo Tolstoy"),
    ("wrote", "Frankenstein", "Mary Shelley"),
    ("wrote", "Oliver Twist", "Charles Dickens"),
    ("wrote", "The Little Prince", "Antoine de Saint-Exupéry"),
    ("wrote", "The Divine Comedy", "Dante Alighieri"),
    ("wrote", "Crime and Punishment", "Fyodor Dostoevsky"),
    ("wrote", "The Tale of Genji", "Murasaki Shikibu"),
    ("wrote", "Les Misérables", "Victor Hugo"),
    ("wrote", "Moby-Dick", "Herman Melville"),
    ("wrote", "Jane Eyre", "Charlotte Brontë"),
    ("wrote", "Faust", "Johann Wolfgang von Goethe"),
    ("wrote", "Dracula", "Bram Stoker"),
    ("wrote", "I Am a Cat", "Natsume Sōseki"),
    ("wrote", "Animal Farm", "George Orwell"),
    ("wrote", "The Hobbit", "J. R. R. Tolkien"),
    ("wrote", "The Canterbury Tales", "Geoffrey Chaucer"),
    ("painted", "The Mona Lisa", "Leonardo da Vinci"),
    ("painted", "The Starry Night", "Vincent van Gogh"),
    ("painted", "Guernica", "Pablo Picasso"),
    ("painted", "Girl with a Pearl Earring", "Johannes Vermeer"),
    ("painted", "The Night Watch", "Rembrandt"),
    ("painted", "The Birth of Venus", "Sandro Botticelli"),
    ("composed", "The Magic Flute", "Wolfgang Amadeus Mozart"),
    ("composed", "The Four Seasons", "Antonio Vivaldi"),
    ("composed", "Swan Lake", "Pyotr Ilyich Tchaikovsky"),
    ("composed", "Carmen", "Georges Bizet"),
    ("composed", "Aida", "Giuseppe Verdi"),
)

PROVERB_QUESTIONS = (
    ("Complete the proverb.", "{0} ..."),
    ('How does this proverb end: "{0} ..."?', ""),
    ("Finish this proverb.", "{0} ..."),
)

PROVERBS = (
    ("A stitch in time", "saves nine."),
    ("Actions speak louder", "than words."),
    ("All that glitters", "is not gold."),
    ("An apple a day", "keeps the doctor away."),
    ("Better late", "than never."),
    ("Don't count your chickens", "before they hatch."),
    ("Don't judge a book", "by its cover."),
    ("Every cloud has", "a silver lining."),
    ("Many hands make", "light work."),
    ("No pain,", "no gain."),
    ("Practice makes", "perfect."),
    ("Rome was not built", "in a day."),
    ("The early bird", "catches the worm."),
    ("There is no smoke", "without fire."),
    ("Too many cooks", "spoil the broth."),
    ("Two heads are", "better than one."),
    ("When the cat's away,", "the mice will play."),
    ("Where there's a will,", "there's a way."),
    ("You can't teach an old dog", "new tricks."),
    ("The pen is mightier", "than the sword."),
    ("Honesty is", "the best policy."),
    ("Look before", "you leap."),
    ("A picture is worth", "a thousand words."),
    ("Birds of a feather", "flock together."),
)


def works() -> list[Row]:
    """Who wrote, painted or composed a work."""
    rows = []
    for verb, questions in MAKER_QUESTIONS.items():
        facts = [(title, maker) for done, title, maker in WORKS if done == verb]
        rows += from_facts("famous_works", questions, "{1} " + verb + ' "{0}".', facts)
    return rows


def rows() -> list[Row]:
    """All rows of this file."""
    return [*works(), *from_facts("proverbs", PROVERB_QUESTIONS, "{0} {1}", PROVERBS)]
