"""How times and numbers are written for people, one module for each language (FORMAT_MODULE_PATH): times with the zone that they
are in.

What a module does not name is as Django has it for the language.
"""
