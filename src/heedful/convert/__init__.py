"""Configurations of other programs as recipes: Axolotl, LLaMA-Factory, TRL.

rules          one field of theirs: what it becomes here, what changes, or why it cannot be carried over
values         reading a field's value as the recipe has it
axolotl, llama_factory, trl    the fields of each, with the defaults that it takes where a file says nothing
converting     a file, recognised by its keys, into a checked recipe and what became of every field
"""

from __future__ import annotations

from heedful.convert.converting import PROGRAMS, Converted, convert_file, recipe_text

__all__ = ["PROGRAMS", "Converted", "convert_file", "recipe_text"]
