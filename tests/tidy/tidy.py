#!/usr/bin/env python3
"""The project's rules as tests: who may include whom, functions' sizes, words, formatting, and that
documents, tests and program agree. Stands alone; a few seconds.

    tidy.py [--shoal PROGRAM]

Each rule is one test; each finding is one line. The last line is "N passed, N failed, N skipped".
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTION_LINES_MAX = 60
SKIPPED = object()

# Arrows point down only. Each layer may include itself and what stands here.
BENEATH = {
    "base": [],
    "integrity": ["base"],
    "protocol": ["integrity", "base"],
    "net": ["base"],
    "store": ["integrity", "base"],
    "swarm": ["base"],
    "overlay": ["base"],
    "peer": ["swarm", "overlay", "store", "net", "protocol", "integrity", "base"],
    "gateway": ["peer", "net", "integrity", "base"],
    "cli": ["peer", "base"],
}
# The one door: what the layers above peer/ may see of it.
DOOR = {"cli": ["peer_api.hpp", "front_end.hpp", "peer.hpp"], "gateway": ["peer_api.hpp", "gateway_api.hpp", "service.hpp"]}
# Layers without input, output, clock or thread: time is an argument.
PURE = ["swarm", "overlay"]
PURE_HEADERS = re.compile(r"<(thread|mutex|condition_variable|future|fstream|iostream|filesystem|"
                          r"unistd\.h|fcntl\.h|poll\.h|sys/\w+\.h|netinet/\w+\.h|arpa/\w+\.h)>")
PURE_CALLS = re.compile(r"\bsteady_now\s*\(|::now\s*\(|\bstd::(thread|mutex|atomic)\b|\bsleep_for\b")
FORBIDDEN = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b|"
                       r"(?<![\w.])/(work|root)/|\.\./shared/[A-Z]")


def files(*folders, endings=(".cpp", ".hpp", ".inc")):
    found = []
    for folder in folders:
        found += [path for path in (ROOT / folder).rglob("*")
                  if path.suffix in endings and path.is_file() and "__pycache__" not in path.parts]
    return sorted(found)


def short(path):
    return str(path.relative_to(ROOT))


def includes(path):
    return re.findall(r'^\s*#\s*include\s+(["<][^">]+[">])', path.read_text(), re.M)


def layer_of(path):
    """A layer's folder, in include/shoal/ or src/; None for main.cpp, which composes them."""
    relative = path.relative_to(ROOT)
    parts = relative.parts[2:] if relative.parts[0] == "include" else relative.parts[1:]
    return parts[0] if len(parts) > 1 else None


def included_layer(path, name):
    """(layer, header) of a project header, None of others."""
    if match := re.fullmatch(r'"(?:shoal/)?(\w+)/(?:.*/)?([\w.]+)"', name):
        if match[1] in BENEATH:
            return match[1], match[2]
    return None


# Rules: each yields its findings ----------------------------------------------------------------

def rule_layers(_):
    """arrows between layers point down only"""
    for path in files("include", "src"):
        layer = layer_of(path)
        if layer is None:
            continue
        if layer not in BENEATH:
            yield f"{short(path)}: '{layer}' is no layer; add it to BENEATH"
            continue
        for name in includes(path):
            target = included_layer(path, name)
            if target and target[0] not in (layer, *BENEATH[layer]):
                yield f"{short(path)}: {layer} must not include {name}"


def rule_door(_):
    """prompt and gateways see of the peer only its door"""
    for path in files("include", "src"):
        door = DOOR.get(layer_of(path))
        for name in includes(path) if door else ():
            target = included_layer(path, name)
            public = name.startswith('"shoal/')
            if target and target[0] == "peer" and not (public and target[1] in door):
                yield f"{short(path)}: {name} is not of the door"


def rule_private_headers(_):
    """a layer's private headers stay in it"""
    for path in files("include", "src"):
        for name in includes(path):
            target = included_layer(path, name)
            private = target and not name.startswith('"shoal/')
            if private and (path.parts[-3] == "shoal" or target[0] != layer_of(path)):
                yield f"{short(path)}: {name} is private to {target[0]}"


def rule_pure(_):
    """what decides has no socket, thread, clock or file"""
    for layer in PURE:
        for path in files(f"include/shoal/{layer}", f"src/{layer}"):
            text = strip(path.read_text())
            for found in [*PURE_HEADERS.finditer(text), *PURE_CALLS.finditer(text)]:
                yield f"{short(path)}: {found[0]}"


def rule_headers_guarded(_):
    """every header is read once; that each compiles alone is `make headers`"""
    for header in files("include", "src", endings=(".hpp",)):
        if "#pragma once" not in header.read_text():
            yield f"{short(header)}: no #pragma once"


def strip(text):
    """C++ without comments and with empty literals, line by line as it was."""
    def blank(match):
        lines = "\n" * match[0].count("\n")
        return lines if match[0].startswith("/") else match[0][0] + match[0][0] + lines
    return re.sub(r'//[^\n]*|/\*.*?\*/|(?:u8|L)?R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
                  r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", blank, text, flags=re.S)


NOT_A_FUNCTION = re.compile(r"^\s*(namespace|class|struct|enum|union|extern|if|for|while|switch|do|else|"
                            r"try|catch|return)\b|=\s*$|^\s*$")


def functions(text):
    """(name, first line, lines) of every function, those inside of others excepted."""
    text = re.sub(r"^\s*#[^\n]*", "", strip(text), flags=re.M)
    stack, head_start, inside = [], 0, 0
    for at, sign in enumerate(text):
        if sign == ";" or sign == ":" and re.search(r"(public|private|protected)$", text[:at][-12:]):
            head_start = at + 1 if not inside else head_start
        elif sign == "{":
            head = text[head_start:at]
            is_function = not inside and ")" in head and not NOT_A_FUNCTION.search(head.strip())
            stack.append((is_function, head.strip(), text.count("\n", 0, head_start
                          + len(head) - len(head.lstrip())) + 1))
            inside += is_function
            head_start = at + 1
        elif sign == "}" and stack:
            is_function, head, line = stack.pop()
            inside -= is_function
            head_start = at + 1
            if is_function:
                name = re.search(r"[\w:~]+(?=\s*\()", head)
                yield name[0] if name else "a lambda", line, text.count("\n", 0, at) + 2 - line


def rule_function_sizes(_):
    """a function has at most 60 lines"""
    for path in files("include", "src", "tests"):
        for name, line, lines in functions(path.read_text()):
            if lines > FUNCTION_LINES_MAX:
                yield f"{short(path)}:{line}: {name} has {lines} lines"


def rule_words(_):
    """no notes to oneself, no paths of one machine"""
    texts = files("include", "src", "tests", "docs", endings=(
        ".cpp", ".hpp", ".inc", ".py", ".sh", ".md", ".1", ".bash-completion"))
    for path in [*texts, ROOT / "Makefile", ROOT / "README.md"]:
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else (), 1):
            if found := FORBIDDEN.search(line):
                yield f"{short(path)}:{number}: {found[0]!r}"


def rule_format(_):
    """clang-format has nothing to change"""
    if not shutil.which("clang-format"):
        return SKIPPED, "clang-format is not installed"
    done = subprocess.run(["clang-format", "--dry-run", "-Werror",
                           *map(str, files("include", "src", "tests"))], capture_output=True, text=True)
    return sorted({line.split(": error")[0].replace(str(ROOT) + "/", "")
                   for line in done.stderr.splitlines() if ": error" in line})


def rule_rows(_):
    """every feature of the peer has a test that names it"""
    text = "\n".join(path.read_text() for path in files("tests", endings=(".py", ".cpp"))
                     if path.parent.name != "tidy")
    named = {int(number) for name in re.findall(r"def test_(\w+)", text)
             for number in re.findall(r"(?:^|_)p(\d+)(?=_)", name)}
    named |= {int(number) for number in re.findall(r"(?://|#) P(\d+)\b", text)}
    for row in range(1, 36):
        if row not in named:
            yield f"no test is called test_p{row}_…"
    searches = {int(number) for number in re.findall(r"(?:def test_s|\"S)(\d+)(?=[_:])", text)}
    for row in range(1, 10):
        if row not in searches:
            yield f"no test is called test_s{row}_…"
    for row in range(1, 10):
        if f"def test_j{row}_" not in text:
            yield f"no test is called test_j{row}_…"


def rule_decoders(_):
    """every decoder of bytes from outside has a fuzz target and a corpus"""
    targets = {path.stem: path.read_text() for path in files("tests/fuzz") if path.stem.startswith("fuzz_")}
    text = "\n".join(targets.values())
    for decoder in ("ClientFrames", "ServerFrames", "parse_listing", "parse_hosts", "SafePath::parse",
                    "journal", "index", "parse_search", "parse_hits", "Matcher::make",
                    "LineDecoder", "parse_users", "decode_request", "ServerHandshake", "MessageReader"):
        if decoder not in text:
            yield f"no fuzz target feeds {decoder}"
    for name in targets:
        corpus = ROOT / "tests/fuzz/corpus" / name.removeprefix("fuzz_")
        if not corpus.is_dir() or not any(corpus.iterdir()):
            yield f"{name} has no corpus"
        elif sum(path.stat().st_size for path in corpus.iterdir()) > 1 << 20:
            yield f"{name}: its corpus is over 1 MiB"


def make_targets():
    text = (ROOT / "Makefile").read_text()
    return {word for line in re.findall(r"^([a-z][a-z -]*):(?!=)", text, re.M) for word in line.split()}


def rule_documents(_):
    """the documents name targets and files that exist"""
    targets = make_targets()
    pages = [ROOT / "README.md", *files("docs", endings=(".md",))]
    for needed in ("README.md", "docs/protocol.md", "docs/architecture.md", "docs/benchmarks.md",
                   "docs/shoal.1", "docs/shoal.bash-completion", "hosts.txt", ".ci/run"):
        if not (ROOT / needed).exists():
            yield f"{needed} is missing"
    for page in pages:
        text = page.read_text() if page.exists() else ""
        for target in re.findall(r"(?:`|^\s*|\$ )make ([a-z][a-z-]*)", text, re.M):
            if target not in targets:
                yield f"{short(page)}: there is no `make {target}`"
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            if not (page.parent / link).exists():
                yield f"{short(page)}: {link} does not exist"
    for target in ("demo", "test"):
        readme = ROOT / "README.md"
        if readme.exists() and f"make {target}" not in readme.read_text():
            yield f"README.md does not say `make {target}`"


def rule_options(options):
    """--help, the manual page and the completion name the same options"""
    program, page = options.shoal.resolve(), ROOT / "docs/shoal.1"
    if not program.exists():
        return SKIPPED, f"{program} is not built"
    helped = set()
    for command in ("", "serve", "get", "list", "search", "status", "hash", "ftp-user", "call"):
        said = subprocess.run([program, *command.split(), "--help"], capture_output=True, text=True)
        helped |= set(re.findall(r"^\s+(?:-\w, )?(--[a-z][a-z-]+)", said.stdout, re.M))
    findings = []
    for path in (page, ROOT / "docs/shoal.bash-completion"):
        text = path.read_text() if path.exists() else ""
        text = re.sub(r"\bFl -(?=\w\w)", " --", text)  # as mdoc(7) writes options
        named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", text))
        findings += [f"{short(path)} lacks {option}" for option in sorted(helped - named)]
        if path == page:
            findings += [f"{short(path)} names {option}, which does not exist"
                         for option in sorted(named - helped)]
    return findings or ([] if helped else ["--help names no option"])


def check(rule, options):
    """What a rule found: a list of lines, or why it was skipped."""
    found = rule(options)
    if isinstance(found, tuple):
        return None, found[1]
    return list(found), ""


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoal", type=pathlib.Path, default=ROOT / "shoal")
    options = parser.parse_args()
    passed = failed = skipped = 0
    for rule in [rule for name, rule in globals().items() if name.startswith("rule_")]:
        findings, why = check(rule, options)
        if findings is None:
            skipped += 1
            print(f"  skipped {rule.__doc__}: {why}")
        elif findings:
            failed += 1
            print(f"  FAILED  {rule.__doc__}:")
            print("".join(f"      {finding}\n" for finding in findings), end="")
        else:
            passed += 1
            print(f"  ok      {rule.__doc__}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
