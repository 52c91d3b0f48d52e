"""Answers what Python's ConfigParser makes of a file: section, option and value in hexadecimal, or ERROR."""
import configparser
import io
import sys


def text(word):
    return "" if word == "-" else bytes.fromhex(word).decode("utf-8")


def word(value):
    return value.encode("utf-8").hex() or "-"


def read(content):
    parser = configparser.ConfigParser(strict=False)
    # As from a file: any kind of line end ends a line.
    parser.read_file(io.TextIOWrapper(io.BytesIO(content.encode("utf-8")), encoding="utf-8"))
    out = []
    for section in parser.sections():
        for option in parser[section]:
            try:
                value = word(parser.get(section, option))
            except configparser.InterpolationError:
                value = "ERROR"
            out.append((word(section), word(option), value))
    return ",".join(":".join(item) for item in sorted(out))


for line in sys.stdin:
    try:
        print(read(text(line.strip())), flush=True)
    except configparser.Error:
        print("ERROR", flush=True)
