"""An intent as it stood in a commit: its directory, with includes, lock and inventories, read through git's plumbing.

Plumbing runs no filter, no hook and no text conversion of the repository; objects that a partial clone lacks are not fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.emit.files import write
from fabric_compiler.filenames import is_safe_name
from fabric_compiler.units import shorten

SUFFIXES = (".yaml", ".yml", ".lock", ".csv", ".json")
"""Of the files that an intent can be made of."""
MAX_FILES = 20_000
MAX_BYTES = 64 << 20
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Revision:
    """`REV:path`, the path below the working directory as git has it in `REV:./path`."""

    revision: str
    path: Path


def parse(spec: str) -> Revision | None:
    """`main~2:intents/x.yaml` -> Revision; None where the text names no file in a commit."""
    revision, colon, path = spec.partition(":")
    return Revision(revision, Path(path)) if colon and revision and path else None


def commit(revision: str) -> str:
    """The commit's full name. Raises CompileError (FC1001) where git knows none; an option is never taken for a revision."""
    if revision.startswith("-"):
        raise _unreadable(revision, "no revision begins with a dash")
    return _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", of=revision).decode().strip()


def extract(sha: str, directory: Path, into: Path) -> None:
    """Write the files below `directory` (of the working tree, as it was in the commit) that an intent may be made of.

    Links of the tree are left out, as is what is larger than an intent can be. Raises CompileError (FC1001).
    """
    root = Path(_git("rev-parse", "--show-toplevel", of=str(directory)).decode().strip())
    below = Path(os.path.normpath(Path.cwd() / directory))
    if not below.is_relative_to(root):
        raise _unreadable(str(directory), f"it is not in the repository {root}")
    tree = f"{sha}:{below.relative_to(root)}" if below != root else sha
    listing = _git("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", tree, of=f"{sha[:12]}:{directory}")
    wanted: dict[str, str] = {}  # name -> blob
    total = 0
    for entry in filter(None, listing.split(b"\0")):
        fields, _, raw = entry.partition(b"\t")
        mode, _, blob, size = fields.decode().split()
        name = os.fsdecode(raw)
        if not mode.startswith("100") or not name.endswith(SUFFIXES) or not is_safe_name(name):
            continue
        total += int(size)
        if len(wanted) >= MAX_FILES or total > MAX_BYTES:
            raise _unreadable(f"{sha[:12]}:{directory}", f"it has more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB")
        wanted[name] = blob
    contents = _git("cat-file", "--batch", of=str(directory), sent="".join(f"{blob}\n" for blob in wanted.values()).encode())
    at = 0
    for name in wanted:
        head = contents.index(b"\n", at)
        end = head + 1 + int(contents[at:head].split()[2])
        write(into, name, contents[head + 1 : end])
        at = end + 1  # a line end follows each content


def _git(*arguments: str, of: str, sent: bytes | None = None) -> bytes:
    """Run git in the working directory, without what the environment or the repository could make it do besides."""
    program = shutil.which("git")
    if not program:
        hint = "install the package git"
        raise CompileError([Diagnostic("FC8003", Severity.ERROR, "revisions are read with git, which is not here", hint=hint)])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
    command = [program, "--no-pager", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never", *arguments]
    try:
        ran = subprocess.run(command, input=sent, capture_output=True, env=kept | quiet, timeout=_SECONDS)  # noqa: S603 no shell
    except subprocess.TimeoutExpired as error:
        raise _unreadable(of, f"git took more than {_SECONDS} s") from error
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _unreadable(of, said[0].removeprefix("fatal: ") if said else "git knows no such revision")
    return ran.stdout


def _unreadable(what: str, why: str) -> CompileError:
    message = f"{shorten(what, 120)} cannot be read from git: {shorten(why, 200)}"
    return CompileError([Diagnostic("FC1001", Severity.ERROR, message, hint="name it as REV:intents/x.yaml")])
