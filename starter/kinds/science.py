"""Chemical symbols and well-known formulas."""

from starter.kinds.core import Row, from_answers, from_facts

SYMBOL_QUESTIONS = (
    ("What is the chemical symbol for {0}?", ""),
    ("Give the chemical symbol of this element.", "{0}"),
    ("Write the symbol of the element {0}.", ""),
    ("Which chemical symbol does this element have?", "{0}"),
)

SYMBOLS = (
    ("gold", "Au"),
    ("oxygen", "O"),
    ("iron", "Fe"),
    ("hydrogen", "H"),
    ("silver", "Ag"),
    ("carbon", "C"),
    ("sodium", "Na"),
    ("helium", "He"),
    ("potassium", "K"),
    ("copper", "Cu"),
    ("nitrogen", "N"),
    ("lead", "Pb"),
    ("calcium", "Ca"),
    ("zinc", "Zn"),
    ("tin", "Sn"),
    ("chlorine", "Cl"),
    ("mercury", "Hg"),
    ("magnesium", "Mg"),
    ("aluminium", "Al"),
    ("neon", "Ne"),
    ("silicon", "Si"),
    ("uranium", "U"),
    ("phosphorus", "P"),
    ("nickel", "Ni"),
    ("lithium", "Li"),
    ("titanium", "Ti"),
)

FORMULAS = (
    ("What is the formula for the area of a circle?", "The area of a circle is A = π × r²."),
    ("What is the formula for the area of a rectangle?", "The area of a rectangle is A = length × width."),
    ("What is the formula for the area of a triangle?", "The area of a triangle is A = base × height ÷ 2."),
    ("What is the formula for the circumference of a circle?", "The circumference of a circle is C = 2 × π × r."),
    ("What is the formula for the volume of a cube?", "The volume of a cube is V = a³, where a is the edge length."),
    ("What is the formula for the volume of a sphere?", "The volume of a sphere is V = 4/3 × π × r³."),
    ("What is the formula for the volume of a cylinder?", "The volume of a cylinder is V = π × r² × h."),
    ("State Pythagoras' theorem.",
     "In a right-angled triangle, a² + b² = c², where c is the hypotenuse."),
    ("How do you calculate average speed?", "Average speed is distance divided by time: v = d ÷ t."),
    ("What is the formula for density?", "Density is mass divided by volume: ρ = m ÷ V."),
    ("What is Newton's second law as a formula?",
     "Newton's second law is F = m × a: force equals mass times acceleration."),
    ("What is Ohm's law?", "Ohm's law is V = I × R: voltage equals current times resistance."),
    ("Which formula of Einstein links energy and mass?", "Einstein's formula is E = m × c²."),
    ("What is the chemical formula of water?", "The chemical formula of water is H₂O."),
    ("What is the chemical formula of carbon dioxide?", "The chemical formula of carbon dioxide is CO₂."),
    ("What is the chemical formula of table salt?", "The chemical formula of table salt is NaCl."),
    ("What is the chemical formula of methane?", "The chemical formula of methane is CH₄."),
    ("What is the chemical formula of ammonia?", "The chemical formula of ammonia is NH₃."),
    ("What is the formula for the perimeter of a square?",
     "The perimeter of a square is P = 4 × a, where a is the side length."),
    ("How do you calculate the mean of some numbers?", "Add the numbers and divide the sum by how many there are."),
)  # fmt: skip


def rows() -> list[Row]:
    """All rows of this file."""
    return [
        *from_facts("chemical_symbols", SYMBOL_QUESTIONS, "The chemical symbol for {0} is {1}.", SYMBOLS),
        *from_answers("formulas", FORMULAS),
    ]
