"""Detectors for what is odd in the text of a row; `heedful.data.findings` runs them all.

kinds.py       Finding, Tally, KINDS        what can be found, how grave it is, where it was found first
characters.py  character_kinds              control and invisible characters, U+FFFD, text decoded wrongly
personal.py    personal_kinds               e-mail, telephone, IP, IBAN, card, SSN, My Number
secrets.py     secret_kinds                 keys, tokens, passwords
refusals.py    manner_kinds                 refusals, set phrases of chat models
phrases.py     answer_phrases, row_phrases  HTML, what a web page or a template left behind, placeholders, links
shape.py       shape_kinds                  loops, open code fences, echoes, answers that seem cut off
language.py    script_of, language_of       by code points, letters and common words
repeats.py     RowMemory, FrequentTexts     what can only be seen over all rows, in some 40 bytes a row
lengths.py     describe                     quantiles and a histogram

Each detector of one row takes text and returns names of `KINDS`. None returns what it found: the value of a password
or of a telephone number must not reach the ledger.
"""
