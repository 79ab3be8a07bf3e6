"""Correcting grammar, spelling, and punctuation with capital letters."""

from starter.kinds.core import Row, from_pairs

GRAMMAR_INSTRUCTIONS = (
    "Correct the grammar of this sentence.",
    "Fix the grammar mistake in the sentence.",
    "Rewrite the sentence with correct grammar.",
    "This sentence has a grammar mistake. Write it correctly.",
    "Please correct the following sentence.",
)

GRAMMAR = (
    ("She don't like coffee.", "She doesn't like coffee."),
    ("He go to school by bus every day.", "He goes to school by bus every day."),
    ("I have saw that film twice.", "I have seen that film twice."),
    ("There is three books on the table.", "There are three books on the table."),
    ("Yesterday we goes to the beach.", "Yesterday we went to the beach."),
    ("This soup taste very good.", "This soup tastes very good."),
    ("My brother is more taller than me.", "My brother is taller than me."),
    ("I am agree with you.", "I agree with you."),
    ("She can sings very well.", "She can sing very well."),
    ("He didn't went to the party.", "He didn't go to the party."),
    ("The childrens are playing outside.", "The children are playing outside."),
    ("I look forward to see you on Friday.", "I look forward to seeing you on Friday."),
    ("Each of the boys have a ticket.", "Each of the boys has a ticket."),
    ("He bought a umbrella.", "He bought an umbrella."),
    ("She is a honest person.", "She is an honest person."),
    ("Him and me are good friends.", "He and I are good friends."),
    ("They has lived here since 2010.", "They have lived here since 2010."),
    ("I have lived here since five years.", "I have lived here for five years."),
    ("Where you bought that jacket?", "Where did you buy that jacket?"),
    ("What time does the train leaves?", "What time does the train leave?"),
    ("He speaks English very good.", "He speaks English very well."),
    ("The news are on at six.", "The news is on at six."),
    ("How much apples do you need?", "How many apples do you need?"),
    ("If it will rain tomorrow, we will stay at home.", "If it rains tomorrow, we will stay at home."),
    ("He is married with a doctor.", "He is married to a doctor."),
    ("We discussed about the plan.", "We discussed the plan."),
    ("She explained me the rules.", "She explained the rules to me."),
    ("I enjoy to swim in the sea.", "I enjoy swimming in the sea."),
    ("He made me to laugh.", "He made me laugh."),
    ("She is good in drawing.", "She is good at drawing."),
    ("Every students must bring a pen.", "Every student must bring a pen."),
    ("We bought some new furnitures.", "We bought some new furniture."),
    ("You should of called me.", "You should have called me."),
    ("This is the better cake I have ever eaten.", "This is the best cake I have ever eaten."),
)

SPELLING_INSTRUCTIONS = (
    "Correct the spelling.",
    "Fix the spelling mistake.",
    "One word here is misspelt. Write it all correctly.",
    "Rewrite this with the correct spelling.",
)

SPELLING = (
    ("I will recieve the parcel tomorrow.", "I will receive the parcel tomorrow."),
    ("We definately need more chairs.", "We definitely need more chairs."),
    ("The resturant opens at noon.", "The restaurant opens at noon."),
    ("My adress has changed.", "My address has changed."),
    ("It was a beautifull day.", "It was a beautiful day."),
    ("Please wait untill noon.", "Please wait until noon."),
    ("The goverment published a report.", "The government published a report."),
    ("Tommorow is a holiday.", "Tomorrow is a holiday."),
    ("I left my umbrela at home.", "I left my umbrella at home."),
    ("The libary closes at six.", "The library closes at six."),
    ("Febuary is the shortest month.", "February is the shortest month."),
    ("The accomodation was clean and cheap.", "The accommodation was clean and cheap."),
    ("He made an excelent speech.", "He made an excellent speech."),
    ("It is neccessary to book early.", "It is necessary to book early."),
    ("She speaks three foriegn languages.", "She speaks three foreign languages."),
    ("The wheather is nice today.", "The weather is nice today."),
    ("I beleive every word you say.", "I believe every word you say."),
    ("The sceince lesson starts at ten.", "The science lesson starts at ten."),
    ("Wednsday is my day off.", "Wednesday is my day off."),
    ("We shared a choclate cake.", "We shared a chocolate cake."),
    ("The begining of the book is slow.", "The beginning of the book is slow."),
    ("What a wierd noise!", "What a weird noise!"),
    ("We eat fresh vegtables every day.", "We eat fresh vegetables every day."),
    ("They had a long arguement.", "They had a long argument."),
    ("The drummer has a good sense of rythm.", "The drummer has a good sense of rhythm."),
    ("We must protect the enviroment.", "We must protect the environment."),
    ("Their first concert was succesful.", "Their first concert was successful."),
    ("The gaurd opened the gate.", "The guard opened the gate."),
)

PUNCTUATION_INSTRUCTIONS = (
    "Add the missing punctuation and capital letters.",
    "Punctuate this sentence and use capital letters where they are needed.",
    "Write this with correct punctuation and capitalisation.",
    "Put in the capital letters and punctuation marks.",
)

PUNCTUATION = (
    ("my name is anna and i live in london", "My name is Anna and I live in London."),
    ("where are you going", "Where are you going?"),
    ("we visited rome and venice", "We visited Rome and Venice."),
    ("its raining again", "It's raining again."),
    ("what a lovely garden you have", "What a lovely garden you have!"),
    ("i dont know the answer", "I don't know the answer."),
    ("on monday i have a piano lesson", "On Monday I have a piano lesson."),
    ("did you see the film on friday", "Did you see the film on Friday?"),
    ("my uncle peter works in berlin", "My uncle Peter works in Berlin."),
    ("how old is your sister", "How old is your sister?"),
    ("no we dont need any milk", "No, we don't need any milk."),
    ("shes reading a book about egypt", "She's reading a book about Egypt."),
    ("can you speak italian", "Can you speak Italian?"),
    ("the shop isnt open on sundays", "The shop isn't open on Sundays."),
    ("in july we are flying to canada", "In July we are flying to Canada."),
    ("lucys bicycle is red", "Lucy's bicycle is red."),
    ("when it snows we go skiing", "When it snows, we go skiing."),
    ("who left the window open", "Who left the window open?"),
    ("my aunt lucy teaches french and music", "My aunt Lucy teaches French and music."),
    ("yes i would like some tea", "Yes, I would like some tea."),
    ("theyre waiting at the station", "They're waiting at the station."),
    ("the thames flows through london", "The Thames flows through London."),
    ("if you are tired go to bed", "If you are tired, go to bed."),
    ("the canadian flag is red and white", "The Canadian flag is red and white."),
    ("what time does the museum close", "What time does the museum close?"),
    ("toms dog barks at every cat", "Tom's dog barks at every cat."),
)


def rows() -> list[Row]:
    """All rows of this file."""
    return [
        *from_pairs("grammar_correction", GRAMMAR_INSTRUCTIONS, GRAMMAR),
        *from_pairs("spelling_correction", SPELLING_INSTRUCTIONS, SPELLING),
        *from_pairs("punctuation", PUNCTUATION_INSTRUCTIONS, PUNCTUATION),
    ]
