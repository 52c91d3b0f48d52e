"""Evaluates an expression and, if it comes to a function, calls it with the further words; answers the repr or ERROR."""
import os
import re
import sys


def text(word):
    return "" if word == "-" else bytes.fromhex(word).decode("utf-8")


for line in sys.stdin:
    words = [text(word) for word in line.split()]
    try:
        value = eval(words[0].strip(), {"re": re, "os": os})
        if callable(value):
            value = value(*words[1:])
        print(repr(value).replace("\n", "\\n"), flush=True)
    except Exception as error:
        print("ERROR", flush=True)
