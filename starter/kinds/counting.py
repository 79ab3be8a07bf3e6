"""Small word problems, and counting letters, vowels and words."""

from starter.kinds.core import Row, from_answers, from_facts

# Each answer shows its sum; tests/data/test_starter.py works every sum out again.
WORD_PROBLEMS = (
    ("Anna has 12 apples and buys 7 more. How many apples does she have?", "12 + 7 = 19, so Anna has 19 apples."),
    ("There are 20 birds on a roof and 8 fly away. How many birds stay?", "20 - 8 = 12, so 12 birds stay."),
    ("A box holds 6 eggs. How many eggs are in 5 boxes?", "6 × 5 = 30, so there are 30 eggs."),
    ("Four friends share 24 biscuits equally. How many does each friend get?", "24 ÷ 4 = 6, so each gets 6 biscuits."),
    ("A book has 90 pages and Leo has read 35. How many pages are left?", "90 - 35 = 55, so 55 pages are left."),
    ("A ticket costs 9 euros. How much do 3 tickets cost?", "9 × 3 = 27, so 3 tickets cost 27 euros."),
    ("A bus has 40 seats and 26 are taken. How many seats are free?", "40 - 26 = 14, so 14 seats are free."),
    ("Mia runs 5 kilometres on each of 4 days. How far does she run?", "5 × 4 = 20, so Mia runs 20 kilometres."),
    ("A rope of 30 metres is cut into 6 equal pieces. How long is each piece?",
     "30 ÷ 6 = 5, so each piece is 5 metres long."),
    ("Sam has 15 marbles and Tina has 9. How many do they have together?",
     "15 + 9 = 24, so they have 24 marbles together."),
    ("A pen costs 2 euros and a notebook costs 5 euros. How much do both cost together?",
     "2 + 5 = 7, so together they cost 7 euros."),
    ("A farmer has 17 cows and sells 4. How many cows are left?", "17 - 4 = 13, so 13 cows are left."),
    ("There are 7 rows of 8 chairs. How many chairs are there?", "7 × 8 = 56, so there are 56 chairs."),
    ("You pay 13 euros with a 20-euro note. How much change do you get?",
     "20 - 13 = 7, so you get 7 euros in change."),
    ("A baker makes 45 rolls and puts them in bags of 5. How many bags are needed?",
     "45 ÷ 5 = 9, so 9 bags are needed."),
    ("Ben is 11 years old and his sister is 6 years older. How old is his sister?",
     "11 + 6 = 17, so his sister is 17 years old."),
    ("A garden has 3 beds with 12 tulips each. How many tulips are there?", "3 × 12 = 36, so there are 36 tulips."),
    ("A train travels 80 kilometres per hour. How far does it go in 3 hours?",
     "80 × 3 = 240, so it goes 240 kilometres."),
    ("Eva saves 10 dollars a month. How much has she saved after 8 months?",
     "10 × 8 = 80, so Eva has saved 80 dollars."),
    ("There are 32 pupils in 4 equal teams. How many pupils are in each team?",
     "32 ÷ 4 = 8, so each team has 8 pupils."),
    ("Tom walks 3 kilometres to school and 3 kilometres back. How far does he walk?",
     "3 + 3 = 6, so Tom walks 6 kilometres."),
    ("A shop sells 25 lamps in the morning and 14 in the afternoon. How many is that in all?",
     "25 + 14 = 39, so the shop sells 39 lamps in all."),
    ("One cake needs 4 eggs. How many eggs do 6 cakes need?", "4 × 6 = 24, so 6 cakes need 24 eggs."),
    ("A ladder has 18 steps and Nina is on step 11. How many steps are left?", "18 - 11 = 7, so 7 steps are left."),
    ("A club puts 60 stamps in 5 albums, the same number in each. How many are in each album?",
     "60 ÷ 5 = 12, so 12 stamps are in each album."),
    ("Omar buys 3 apples for 2 euros each and a 4-euro melon. How much does he pay?",
     "3 × 2 + 4 = 10, so Omar pays 10 euros."),
    ("Lena has 30 euros and buys 2 books at 8 euros each. How much is left?",
     "30 - 2 × 8 = 14, so 14 euros are left."),
    ("A tank has 100 litres and loses 6 litres a day. How many litres are left after 5 days?",
     "100 - 6 × 5 = 70, so 70 litres are left."),
    ("There are 9 red, 4 blue and 7 green balls. How many balls are there?", "9 + 4 + 7 = 20, so there are 20 balls."),
    ("A spider has 8 legs. How many legs do 7 spiders have?", "8 × 7 = 56, so 7 spiders have 56 legs."),
    ("A square has sides of 9 centimetres. It has 4 sides. What is its perimeter?",
     "4 × 9 = 36, so its perimeter is 36 centimetres."),
    ("A rectangle is 7 metres long and 3 metres wide. What is its area?",
     "7 × 3 = 21, so its area is 21 square metres."),
    ("Paul reads 15 pages a day. How many days does he need for 105 pages?", "105 ÷ 15 = 7, so Paul needs 7 days."),
    ("A bottle costs 3 euros and a cup costs 6 euros. How much do 2 bottles and 1 cup cost?",
     "2 × 3 + 6 = 12, so they cost 12 euros."),
)  # fmt: skip

LETTER_QUESTIONS = (
    ('How many letters are in the word "{0}"?', ""),
    ("Count the letters in this word.", "{0}"),
)
LETTER_WORDS = ("apple", "garden", "sun", "elephant", "music", "bread", "holiday", "tree", "mountain")

VOWEL_QUESTIONS = (
    ('How many vowels are in the word "{0}"?', ""),
    ("Count the vowels in this word.", "{0}"),
)
VOWEL_WORDS = ("banana", "orange", "paper", "umbrella", "lemon", "education")

WORD_QUESTIONS = (
    ("How many words are in this sentence?", "{0}"),
    ("Count the words in the sentence.", "{0}"),
)
SENTENCES = (
    "The cat sleeps.",
    "My sister plays the piano.",
    "We live in a small town.",
    "Dogs bark.",
    "The old man reads a book every evening.",
    "She opened the window and looked at the stars.",
)

REPEAT_QUESTIONS = (('How many times does the letter "{1}" appear in "{0}"?', ""),)
REPEATS = (("balloon", "l"), ("coffee", "f"), ("tomato", "o"), ("success", "s"), ("pepper", "p"))


def counts() -> list[Row]:
    """Rows that count letters, vowels and words."""
    kind = "counting"
    letters = [(word, str(len(word))) for word in LETTER_WORDS]
    vowels = [(word, str(sum(letter in "aeiou" for letter in word))) for word in VOWEL_WORDS]
    words = [(sentence, str(len(sentence.split()))) for sentence in SENTENCES]
    repeats = [(word, letter, str(word.count(letter))) for word, letter in REPEATS]
    return [
        *from_facts(kind, LETTER_QUESTIONS, 'The word "{0}" has {1} letters.', letters),
        *from_facts(kind, VOWEL_QUESTIONS, 'The word "{0}" has {1} vowels.', vowels),
        *from_facts(kind, WORD_QUESTIONS, "The sentence has {1} words.", words),
        *from_facts(kind, REPEAT_QUESTIONS, 'The letter "{1}" appears {2} times in "{0}".', repeats),
    ]


def rows() -> list[Row]:
    """All rows of this file."""
    return [*from_answers("arithmetic", WORD_PROBLEMS), *counts()]
