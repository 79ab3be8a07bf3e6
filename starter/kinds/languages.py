"""Translations of short phrases, and questions asked and answered in other languages than English."""

from starter.kinds.core import Row

# Language, English, translation.
PHRASES = (
    ("German", "Good evening.", "Guten Abend."),
    ("Spanish", "Thank you very much.", "Muchas gracias."),
    ("Italian", "The house is big.", "La casa è grande."),
    ("Japanese", "Good morning.", "おはようございます。"),
    ("Portuguese", "Where is the beach?", "Onde fica a praia?"),
    ("French", "I would like some water, please.", "Je voudrais de l'eau, s'il vous plaît."),
    ("German", "The train is late.", "Der Zug hat Verspätung."),
    ("Spanish", "How much does this book cost?", "¿Cuánto cuesta este libro?"),
    ("Chinese", "Thank you.", "谢谢。"),
    ("Italian", "See you tomorrow.", "A domani."),
    ("Korean", "Thank you.", "감사합니다."),
    ("French", "The cat is sleeping.", "Le chat dort."),
    ("German", "I am learning German.", "Ich lerne Deutsch."),
    ("Spanish", "I live in Madrid.", "Vivo en Madrid."),
    ("Japanese", "Where is the station?", "駅はどこですか。"),
    ("French", "It is raining today.", "Il pleut aujourd'hui."),
    ("German", "Have a good trip!", "Gute Reise!"),
    ("Spanish", "The soup is hot.", "La sopa está caliente."),
    ("Italian", "I am hungry.", "Ho fame."),
    ("Japanese", "I read a book.", "私は本を読みます。"),
    ("Portuguese", "Good afternoon.", "Boa tarde."),
)

# Language, text in that language, English.
INTO_ENGLISH = (
    ("German", "Wie geht es Ihnen?", "How are you?"),
    ("Spanish", "El perro es negro.", "The dog is black."),
    ("Italian", "Buon compleanno!", "Happy birthday!"),
    ("Japanese", "私は学生です。", "I am a student."),
    ("French", "J'ai un chat.", "I have a cat."),
    ("German", "Das Fenster ist offen.", "The window is open."),
    ("Spanish", "Hasta mañana.", "See you tomorrow."),
    ("Japanese", "この花はきれいです。", "This flower is beautiful."),
    ("Portuguese", "Eu gosto de café.", "I like coffee."),
    ("French", "Où est la gare ?", "Where is the train station?"),
    ("German", "Ich habe eine Schwester.", "I have a sister."),
    ("Spanish", "La tienda está cerrada.", "The shop is closed."),
    ("Chinese", "我喜欢喝茶。", "I like drinking tea."),
    ("Italian", "Dove abiti?", "Where do you live?"),
    ("Korean", "안녕하세요?", "Hello."),
)

# Instruction, input, answer: each asked and answered in the language itself.
OTHERS = (
    # German
    ("Was ist die Hauptstadt von Deutschland?", "", "Die Hauptstadt von Deutschland ist Berlin."),
    ("Nenne das Gegenteil des Wortes.", "lang", "Das Gegenteil von „lang“ ist „kurz“."),
    ("Wie viele Tage hat eine Woche?", "", "Eine Woche hat sieben Tage."),
    ("Bilde den Plural des Wortes.", "das Buch", "Der Plural von „das Buch“ ist „die Bücher“."),
    ("Setze den Satz ins Präteritum.", "Er geht nach Hause.", "Er ging nach Hause."),
    ("Korrigiere den Satz.", "Ich habe gestern ins Kino gegangen.", "Ich bin gestern ins Kino gegangen."),
    ("Nenne drei Obstsorten.", "", "- Apfel\n- Birne\n- Kirsche"),
    ("Welcher Monat kommt nach dem Mai?", "", "Nach dem Mai kommt der Juni."),
    ("Formuliere die Bitte höflicher.", "Mach das Fenster zu.", "Könnten Sie bitte das Fenster zumachen?"),
    ("Was ist ein Bäcker?", "", "Ein Bäcker ist ein Handwerker, der Brot und Brötchen backt."),
    # French
    ("Quelle est la capitale de l'Espagne ?", "", "La capitale de l'Espagne est Madrid."),
    ("Donne le contraire de ce mot.", "grand", "Le contraire de « grand » est « petit »."),
    ("Mets cette phrase au futur simple.", "Je mange une pomme.", "Je mangerai une pomme."),
    ("Combien de minutes y a-t-il dans une heure ?", "", "Il y a soixante minutes dans une heure."),
    ("Corrige la phrase.", "Elle a allé au marché.", "Elle est allée au marché."),
    ("Cite trois couleurs.", "", "- rouge\n- bleu\n- vert"),
    ("Mets ce nom au pluriel.", "le cheval", "Le pluriel de « le cheval » est « les chevaux »."),
    ("Qui a écrit « Les Misérables » ?", "", "Victor Hugo a écrit « Les Misérables »."),
    ("Quel jour vient après lundi ?", "", "Le jour qui vient après lundi est mardi."),
    # Spanish
    ("¿Cuál es la capital de Italia?", "", "La capital de Italia es Roma."),
    ("Escribe lo contrario de esta palabra.", "alto", "Lo contrario de «alto» es «bajo»."),
    ("Pon la frase en pretérito indefinido.", "Compro pan en la tienda.", "Compré pan en la tienda."),
    ("¿Cuántos meses tiene un año?", "", "Un año tiene doce meses."),
    ("Corrige la frase.", "La casa es blanco.", "La casa es blanca."),
    ("Nombra tres animales.", "", "- perro\n- gato\n- caballo"),
    ("¿Quién escribió «Don Quijote de la Mancha»?", "", "Miguel de Cervantes escribió «Don Quijote de la Mancha»."),
    ("Escribe el plural de la palabra.", "el lápiz", "El plural de «el lápiz» es «los lápices»."),
    ("¿Qué es una panadería?", "", "Una panadería es una tienda donde se hace y se vende pan."),
    # Italian
    ("Qual è la capitale della Francia?", "", "La capitale della Francia è Parigi."),
    ("Scrivi il contrario di questa parola.", "caldo", "Il contrario di «caldo» è «freddo»."),
    ("Quanti giorni ha una settimana?", "", "Una settimana ha sette giorni."),
    ("Scrivi il plurale del nome.", "il libro", "Il plurale di «il libro» è «i libri»."),
    # Portuguese
    ("Qual é a capital de Portugal?", "", "A capital de Portugal é Lisboa."),
    ("Escreva o contrário da palavra.", "rápido", "O contrário de «rápido» é «lento»."),
    ("Quantas horas tem um dia?", "", "Um dia tem vinte e quatro horas."),
    # Dutch
    ("Wat is het tegenovergestelde van dit woord?", "oud", 'Het tegenovergestelde van "oud" is "jong".'),
    ("Hoeveel seconden zitten er in een minuut?", "", "Er zitten zestig seconden in een minuut."),
    # Chinese
    ("中国的首都是哪里？", "", "中国的首都是北京。"),
    ("写出这个词的反义词。", "大", "“大”的反义词是“小”。"),
    ("一年有几个月？", "", "一年有十二个月。"),
    ("列出三种水果。", "", "- 苹果\n- 香蕉\n- 葡萄"),
    ("把这个句子改成疑问句。", "他是老师。", "他是老师吗？"),
    ("星期一的后一天是星期几？", "", "星期一的后一天是星期二。"),
    # Korean
    ("한국의 수도는 어디입니까?", "", "한국의 수도는 서울입니다."),
    ("이 단어의 반대말을 쓰세요.", "크다", "‘크다’의 반대말은 ‘작다’입니다."),
    ("일주일은 며칠입니까?", "", "일주일은 7일입니다."),
    ("과일 세 가지를 쓰세요.", "", "- 사과\n- 배\n- 포도"),
    ("월요일 다음은 무슨 요일입니까?", "", "월요일 다음은 화요일입니다."),
)


def translations() -> list[Row]:
    """Short phrases from English and into English."""
    rows = []
    for turn, (language, english, foreign) in enumerate(PHRASES):
        if turn % 2:
            rows.append(Row("translation", f'Translate "{english}" into {language}.', "", foreign))
        else:
            rows.append(Row("translation", f"Translate this into {language}.", english, foreign))
    for turn, (language, foreign, english) in enumerate(INTO_ENGLISH):
        if turn % 2:
            rows.append(Row("translation", f"Translate this {language} sentence into English.", foreign, english))
        else:
            rows.append(Row("translation", "Translate into English.", foreign, english))
    return rows


def rows() -> list[Row]:
    """All rows of this file."""
    return [*translations(), *(Row("other_languages", *other) for other in OTHERS)]
