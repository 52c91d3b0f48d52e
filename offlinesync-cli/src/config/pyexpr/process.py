# Evaluates expressions for offlinesync, with what the user's Python file defines. Each question and each answer is one line.
import os, re, sys

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.stdout.reconfigure(line_buffering=True)
questions = os.fdopen(os.dup(0), "r")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

path = sys.argv[1]
sys.argv = [path]
sys.path.insert(0, os.path.dirname(path))
names = {"__name__": "pythonfile", "__file__": path}
problem = None
try:
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), names)
except BaseException as error:
    problem = error
names.setdefault("re", re)


def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8")
    if isinstance(value, (list, tuple, set)):
        return type(value)(plain(item) for item in value)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


def answer(question):
    if problem is not None:
        raise problem
    what, text, *arguments = question.split()
    text, *arguments = ["" if word == "-" else bytes.fromhex(word).decode("utf-8") for word in [text] + arguments]
    value = eval(text.strip(), names)
    if what == "function":
        return callable(value), ""
    if what == "call":
        value = value(*arguments)
    return bool(value), repr(plain(value))


for question in questions:
    try:
        word, text = answer(question)
        word = "true" if word else "false"
    except BaseException as error:
        word, text = "error", "%s: %s" % (type(error).__name__, error)
    answers.write("%s %s\n" % (word, text.encode("utf-8", "replace").hex() or "-"))
    answers.flush()
