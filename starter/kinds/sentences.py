"""Changing the tense, the voice or the type of a sentence, and joining two sentences into one."""

from starter.kinds.core import Row, from_pairs

PAST_INSTRUCTIONS = (
    "Change this sentence to the past tense.",
    "Rewrite the sentence in the simple past.",
    "Put this sentence into the past tense.",
)

PAST = (
    ("She walks to work.", "She walked to work."),
    ("They eat dinner at seven.", "They ate dinner at seven."),
    ("I write a letter to my aunt.", "I wrote a letter to my aunt."),
    ("The dog runs across the field.", "The dog ran across the field."),
    ("We buy bread at the market.", "We bought bread at the market."),
    ("He teaches history.", "He taught history."),
    ("The children sing a song.", "The children sang a song."),
    ("My father drives a green car.", "My father drove a green car."),
    ("It is cold outside.", "It was cold outside."),
    ("You speak too fast.", "You spoke too fast."),
    ("The train arrives on time.", "The train arrived on time."),
    ("I don't understand the question.", "I didn't understand the question."),
)

FUTURE_INSTRUCTIONS = (
    'Change this sentence to the future tense with "will".',
    'Rewrite the sentence in the future, using "will".',
)

FUTURE = (
    ("She plays tennis.", "She will play tennis."),
    ("We visited our grandparents.", "We will visit our grandparents."),
    ("He is late.", "He will be late."),
    ("They build a bridge.", "They will build a bridge."),
    ("I called you.", "I will call you."),
    ("The shop opened at nine.", "The shop will open at nine."),
    ("It rains in the evening.", "It will rain in the evening."),
)

PRESENT_INSTRUCTIONS = (
    "Change this sentence to the simple present.",
    "Rewrite the sentence in the present tense.",
)

PRESENT = (
    ("He worked in a bank.", "He works in a bank."),
    ("She knew the answer.", "She knows the answer."),
    ("We lived near the river.", "We live near the river."),
    ("The museum closed at five.", "The museum closes at five."),
    ("I was happy.", "I am happy."),
)

CONTINUOUS_INSTRUCTIONS = (
    "Change this sentence to the present continuous.",
    "Rewrite the sentence in the present continuous tense.",
)

CONTINUOUS = (
    ("I read a newspaper.", "I am reading a newspaper."),
    ("She swims in the lake.", "She is swimming in the lake."),
    ("They wait for the bus.", "They are waiting for the bus."),
    ("He makes a cake.", "He is making a cake."),
    ("The baby sleeps.", "The baby is sleeping."),
    ("We watch a film.", "We are watching a film."),
)

PASSIVE_INSTRUCTIONS = (
    "Rewrite this sentence in the passive voice.",
    "Change the sentence from active to passive.",
    "Turn this active sentence into a passive one.",
)

PASSIVE = (
    ("The cat chased the mouse.", "The mouse was chased by the cat."),
    ("Maria baked the bread.", "The bread was baked by Maria."),
    ("The storm damaged the roof.", "The roof was damaged by the storm."),
    ("The teacher praised the students.", "The students were praised by the teacher."),
    ("A famous architect designed the tower.", "The tower was designed by a famous architect."),
    ("Two thousand people watched the match.", "The match was watched by two thousand people."),
    ("The nurse will check your temperature.", "Your temperature will be checked by the nurse."),
    ("The company has sold the building.", "The building has been sold by the company."),
    ("Bees make honey.", "Honey is made by bees."),
    ("My grandfather planted these trees.", "These trees were planted by my grandfather."),
    ("A local artist painted the mural.", "The mural was painted by a local artist."),
    ("The committee will announce the results.", "The results will be announced by the committee."),
    ("The gardener waters the roses.", "The roses are watered by the gardener."),
    ("The waves destroyed the sandcastle.", "The sandcastle was destroyed by the waves."),
    ("The mechanic is repairing the bus.", "The bus is being repaired by the mechanic."),
)

ACTIVE_INSTRUCTIONS = (
    "Rewrite this sentence in the active voice.",
    "Change the sentence from passive to active.",
    "Turn this passive sentence into an active one.",
)

ACTIVE = (
    ("The song was written by Anna.", "Anna wrote the song."),
    ("The window was broken by the ball.", "The ball broke the window."),
    ("The letters are delivered by the postman.", "The postman delivers the letters."),
    ("The cake was eaten by the children.", "The children ate the cake."),
    ("The meeting was cancelled by the manager.", "The manager cancelled the meeting."),
    ("The house was built by my uncle.", "My uncle built the house."),
    ("The report will be checked by Daniel.", "Daniel will check the report."),
    ("The sheep are guarded by two dogs.", "Two dogs guard the sheep."),
    ("The keys were found by a student.", "A student found the keys."),
    ("The hall was decorated by the parents.", "The parents decorated the hall."),
    ("The town is protected by a high wall.", "A high wall protects the town."),
    ("The prize was won by a young pianist.", "A young pianist won the prize."),
    ("The fire was put out by the firefighters.", "The firefighters put out the fire."),
)

QUESTION_INSTRUCTIONS = (
    "Turn this statement into a yes-or-no question.",
    "Rewrite the sentence as a yes-or-no question.",
    "Change this sentence into a question that can be answered with yes or no.",
)

QUESTIONS = (
    ("The museum is open today.", "Is the museum open today?"),
    ("He can play the guitar.", "Can he play the guitar?"),
    ("She lives in Madrid.", "Does she live in Madrid?"),
    ("They are coming to the party.", "Are they coming to the party?"),
    ("The train has left.", "Has the train left?"),
    ("Your parents speak German.", "Do your parents speak German?"),
    ("Tom finished his homework.", "Did Tom finish his homework?"),
    ("It will be sunny tomorrow.", "Will it be sunny tomorrow?"),
    ("The water was cold.", "Was the water cold?"),
    ("The children like pancakes.", "Do the children like pancakes?"),
    ("We should bring an umbrella.", "Should we bring an umbrella?"),
    ("There is a bakery near here.", "Is there a bakery near here?"),
    ("She bought the blue dress.", "Did she buy the blue dress?"),
    ("The shop sells stamps.", "Does the shop sell stamps?"),
    ("They have seen this play.", "Have they seen this play?"),
    ("The guests were hungry.", "Were the guests hungry?"),
)

EXCLAMATION_INSTRUCTIONS = (
    'Turn this statement into an exclamation that begins with "What" or "How".',
    'Rewrite the sentence as an exclamation with "What" or "How".',
)

EXCLAMATIONS = (
    ("This is a beautiful garden.", "What a beautiful garden!"),
    ("The view is amazing.", "How amazing the view is!"),
    ("That was a great concert.", "What a great concert!"),
    ("The baby is very sweet.", "How sweet the baby is!"),
    ("It is an interesting idea.", "What an interesting idea!"),
    ("The stars are very bright.", "How bright the stars are!"),
    ("This is delicious soup.", "What delicious soup!"),
    ("The river is very wide.", "How wide the river is!"),
    ("It was a long journey.", "What a long journey!"),
    ("These are lovely flowers.", "What lovely flowers!"),
)

COMBINED = (
    ("and", "Anna plays the violin. Her brother plays the drums.",
     "Anna plays the violin, and her brother plays the drums."),
    ("but", "The coat is expensive. It is very warm.", "The coat is expensive, but it is very warm."),
    ("because", "We stayed at home. It was raining.", "We stayed at home because it was raining."),
    ("so", "The bus was late. I walked to school.", "The bus was late, so I walked to school."),
    ("although", "He was tired. He finished the race.", "Although he was tired, he finished the race."),
    ("when", "I arrived at the station. The train was leaving.",
     "When I arrived at the station, the train was leaving."),
    ("who", "I have an aunt. She lives in Lisbon.", "I have an aunt who lives in Lisbon."),
    ("before", "Wash your hands. Then have lunch.", "Wash your hands before you have lunch."),
    ("or", "We can take the bus. We can walk.", "We can take the bus, or we can walk."),
    ("but", "She called twice. Nobody answered.", "She called twice, but nobody answered."),
    ("because", "Leo is happy. He found his wallet.", "Leo is happy because he found his wallet."),
    ("so", "The shop was closed. We went home.", "The shop was closed, so we went home."),
    ("after", "We did the dishes. Then we watched a film.", "After we did the dishes, we watched a film."),
    ("and", "The sun came out. The snow melted.", "The sun came out, and the snow melted."),
    ("although", "The room is small. It is comfortable.", "Although the room is small, it is comfortable."),
    ("who", "The man is a pilot. He lives next door.", "The man who lives next door is a pilot."),
    ("because", "She wore a scarf. The wind was cold.", "She wore a scarf because the wind was cold."),
    ("if", "Maybe you will need help. Then call me.", "If you need help, call me."),
    ("while", "Dad cooked dinner. At the same time I set the table.",
     "While Dad cooked dinner, I set the table."),
    ("but", "I like tea. I do not like coffee.", "I like tea, but I do not like coffee."),
    ("so", "The soup was too hot. We waited a little.", "The soup was too hot, so we waited a little."),
    ("and", "He opened the door. The cat ran out.", "He opened the door, and the cat ran out."),
    ("which", "We live in a house. It has a red door.", "We live in a house which has a red door."),
    ("until", "They played outside. Then it got dark.", "They played outside until it got dark."),
)  # fmt: skip

COMBINE_INSTRUCTIONS = (
    'Combine the two sentences into one, using "{}".',
    'Join these sentences with "{}".',
    'Make one sentence out of these two. Use the word "{}".',
)


def rows() -> list[Row]:
    """All rows of this file."""
    combined = [
        Row("combining_sentences", COMBINE_INSTRUCTIONS[turn % len(COMBINE_INSTRUCTIONS)].format(word), two, one)
        for turn, (word, two, one) in enumerate(COMBINED)
    ]
    return [
        *from_pairs("tense_change", PAST_INSTRUCTIONS, PAST),
        *from_pairs("tense_change", FUTURE_INSTRUCTIONS, FUTURE),
        *from_pairs("tense_change", PRESENT_INSTRUCTIONS, PRESENT),
        *from_pairs("tense_change", CONTINUOUS_INSTRUCTIONS, CONTINUOUS),
        *from_pairs("voice_change", PASSIVE_INSTRUCTIONS, PASSIVE),
        *from_pairs("voice_change", ACTIVE_INSTRUCTIONS, ACTIVE),
        *from_pairs("question_form", QUESTION_INSTRUCTIONS, QUESTIONS),
        *from_pairs("exclamation_form", EXCLAMATION_INSTRUCTIONS, EXCLAMATIONS),
        *combined,
    ]
