"""Rewriting a sentence so that it is more formal, more polite or shorter."""

from starter.kinds.core import Row, from_pairs

FORMAL_INSTRUCTIONS = (
    "Rewrite this sentence in a formal style.",
    "Make this sentence more formal.",
    "Rewrite this so that it fits a business letter.",
)

FORMAL = (
    ("Thanks a lot for your help.", "Thank you very much for your assistance."),
    ("Sorry for the late reply.", "I apologise for the delay in replying."),
    ("Can you send me the file?", "Could you please send me the file?"),
    ("I can't come to the meeting.", "I am unable to attend the meeting."),
    ("Let me know if you have any questions.", "Please do not hesitate to contact me if you have any questions."),
    ("We want to buy ten chairs.", "We would like to purchase ten chairs."),
    ("The boss said no to the plan.", "The manager rejected the plan."),
    ("We got your letter yesterday.", "We received your letter yesterday."),
    ("Tell us when you can start.", "Please inform us when you are able to start."),
    ("There's a problem with the order.", "There is a problem with the order."),
    ("I need some info about the course.", "I would like to request some information about the course."),
    ("We're really happy to have you here.", "We are delighted to welcome you here."),
    ("See you on Monday.", "I look forward to seeing you on Monday."),
    ("Get back to me soon.", "Please reply at your earliest convenience."),
    ("We'll fix it right away.", "We will resolve the matter immediately."),
    ("What do you think about the offer?", "I would be grateful for your opinion on the offer."),
    ("I'm writing to ask about the job.", "I am writing to enquire about the position."),
)

POLITE_INSTRUCTIONS = (
    "Rewrite this more politely.",
    "Make this request more polite.",
    "Say this in a polite way.",
)

POLITE = (
    ("Close the window.", "Could you please close the window?"),
    ("Give me the salt.", "Could you please pass me the salt?"),
    ("Be quiet.", "Could you please be a little quieter?"),
    ("I want a coffee.", "I would like a coffee, please."),
    ("Wait here.", "Could you please wait here?"),
    ("Tell me your name.", "May I ask your name, please?"),
    ("Move your bag.", "Would you mind moving your bag?"),
    ("Help me carry this box.", "Could you please help me carry this box?"),
    ("Speak louder.", "Could you please speak a little louder?"),
    ("I need a pen.", "Could I borrow a pen, please?"),
    ("Repeat that.", "Could you please repeat that?"),
    ("Show me the way to the station.", "Could you please show me the way to the station?"),
    ("Turn down the music.", "Would you mind turning down the music?"),
    ("Bring us the menu.", "Could you please bring us the menu?"),
    ("Answer my email.", "Could you please reply to my email?"),
    ("Call me tomorrow.", "Could you please call me tomorrow?"),
    ("Let me through.", "Excuse me, may I come through, please?"),
    ("Send me the photos.", "Could you please send me the photos?"),
)

SHORTER_INSTRUCTIONS = (
    "Make this sentence shorter without changing its meaning.",
    "Rewrite this in fewer words.",
    "Shorten this sentence and keep its meaning.",
)

SHORTER = (
    ("Due to the fact that it was raining, we stayed at home.", "Because it was raining, we stayed at home."),
    ("In the event that you are late, please give me a call.", "If you are late, please call me."),
    ("She is a person who always tells the truth.", "She always tells the truth."),
    ("At this point in time, we do not have any rooms available.", "We have no rooms available now."),
    ("He made the decision to sell the house.", "He decided to sell the house."),
    ("The reason why I am calling is that I have lost my key.", "I am calling because I have lost my key."),
    ("There are many people who like to travel by train.", "Many people like to travel by train."),
    ("The colour of the car is red.", "The car is red."),
    ("We are in need of a larger table.", "We need a larger table."),
    ("The meeting takes place on each and every Monday.", "The meeting takes place every Monday."),
    ("In spite of the fact that he was ill, he went to work.", "Although he was ill, he went to work."),
    ("She has the ability to speak four languages.", "She can speak four languages."),
    ("It is my opinion that the film was too long.", "I think the film was too long."),
    ("I am writing this note in order to thank you for the flowers.", "I am writing to thank you for the flowers."),
    ("He walked across the street in a slow manner.", "He walked slowly across the street."),
    ("The box was completely empty and had nothing in it.", "The box was empty."),
    ("We will give consideration to your proposal.", "We will consider your proposal."),
    ("They came to the conclusion that the bridge was safe.", "They concluded that the bridge was safe."),
    ("The garden which is behind the house is very small in size.", "The garden behind the house is very small."),
    ("It is necessary for you to sign the form.", "You must sign the form."),
)


def rows() -> list[Row]:
    """All rows of this file."""
    return [
        *from_pairs("formal_rewrite", FORMAL_INSTRUCTIONS, FORMAL),
        *from_pairs("polite_rewrite", POLITE_INSTRUCTIONS, POLITE),
        *from_pairs("shorter_rewrite", SHORTER_INSTRUCTIONS, SHORTER),
    ]
