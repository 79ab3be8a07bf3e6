"""Names of BIG-bench's tasks: the 24 of BIG-bench Lite, and those that are programs and cannot run here.

Source: the package ``bigbench`` 1.0.0, https://github.com/google/BIG-bench; Lite is ``bigbench_lite_v1``.

>>> len(LITE), len(PROGRAMMATIC)
(24, 42)
"""

from __future__ import annotations

from heedful.errors import RequestError

LITE: tuple[str, ...] = (
    "auto_debugging",
    "bbq_lite_json",
    "code_line_description",
    "conceptual_combinations",
    "conlang_translation",
    "emoji_movie",
    "formal_fallacies_syllogisms_negation",
    "hindu_knowledge",
    "known_unknowns",
    "language_identification",
    "linguistics_puzzles",
    "logic_grid_puzzle",
    "logical_deduction",
    "misconceptions_russian",
    "novel_concepts",
    "operators",
    "parsinlu_reading_comprehension",
    "play_dialog_same_or_different",
    "repeat_copy_logic",
    "strange_stories",
    "strategyqa",
    "symbol_interpretation",
    "vitaminc_fact_verification",
    "winowhy",
)
"""The tasks of BIG-bench Lite, in alphabetical order, as its aggregate sums them."""

PROGRAMMATIC: tuple[str, ...] = (
    "abstraction_and_reasoning_corpus",
    "bbq_lite",
    "bias_from_probabilities",
    "boolean_expressions",
    "com2sense",
    "context_definition_alignment",
    "convinceme",
    "coqa_conversational_question_answering",
    "cycled_letters",
    "diverse_social_bias",
    "dynamic_counting",
    "factuality_of_summary",
    "forecasting_subquestions",
    "gender_sensitivity_chinese",
    "gender_sensitivity_english",
    "high_low_game",
    "long_context_integration",
    "multistep_arithmetic",
    "muslim_violence_bias",
    "program_synthesis",
    "protein_interacting_sites",
    "python_programming_challenge",
    "question_answer_creation",
    "roots_optimization_and_games",
    "self_awareness",
    "self_evaluation_courtroom",
    "self_evaluation_tutoring",
    "simple_arithmetic",
    "spelling_bee",
    "squad_shifts",
    "subject_verb_agreement",
    "sudoku",
    "taboo",
    "talkdown",
    "text_navigation_game",
    "training_on_test_set",
    "truthful_qa",
    "twenty_questions",
    "unqover",
    "web_of_lies",
    "word_problems_on_sets_and_graphs",
    "yes_no_black_white",
)
"""The tasks that have a task.py and no task.json: programs that talk with the model as they like."""


def refuse_programmatic(name: str) -> None:
    """RequestError for the name of a programmatic task, which would be code of others run on this machine."""
    if name in PROGRAMMATIC:
        nearest = {"bbq_lite": "bbq_lite_json", "simple_arithmetic": "simple_arithmetic_json"}.get(name)
        mend = f"bigbench:{nearest} asks the like" if nearest else "choose a task that has a task.json"
        raise RequestError(
            f"bigbench:{name} is a programmatic task: its owner's code (task.py) talks with the model, and Heedful "
            f"runs no code of tasks; {mend}"
        )
