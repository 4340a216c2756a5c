import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wrapCommand } from "../../host/operation/wrapping.ts";
import type { ShellName } from "../../wire/names.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

/** What comes of a command: the words that are run without a shell, or the text that a shell gets; `as it was` for the same text. */
function outcome(command: string, wrapper = "W", shell?: ShellName): string {
  const way = wrapCommand(command, wrapper, shell);
  if (way.kind === "argv") return way.argv.map((word) => `[${word}]`).join("");
  return way.command === command ? "as it was" : way.command;
}

const AS_IT_WAS = "as it was";

/** Every command of the original's table (commando.md, section 10), what the original makes of it, and what we do and why, where that differs. */
const TABLE: readonly {
  readonly command: string;
  readonly original: string;
  readonly ours: string;
  readonly why?: string;
}[] = [
  { command: "docker ps -a", original: "[W][docker][ps][-a]", ours: "[W][docker][ps][-a]" },
  {
    command: "docker ps; ls -la",
    original: "[W][docker][ps;][ls][-la]",
    ours: "W docker ps; W ls -la",
    why: "two commands became one with wrong arguments",
  },
  {
    command: "for i in 1 2; do echo x; done",
    original: "[W][for][i][in][1][2;][do][echo][x;][done]",
    ours: AS_IT_WAS,
    why: "a loop became plain words",
  },
  {
    command: "if true; then ls; fi",
    original: "[W][if][true;][then][ls;][fi]",
    ours: AS_IT_WAS,
    why: "a condition became plain words",
  },
  {
    command: "cd /tmp; pwd",
    original: "cd /tmp ; W pwd",
    ours: AS_IT_WAS,
    why: "the shell's own pwd says the path that was gone to, the program the real one",
  },
  { command: "cd /tmp && pwd", original: "cd /tmp && W pwd", ours: AS_IT_WAS, why: "the same" },
  {
    command: "cd /tmp && git status",
    original: "cd /tmp && W git status",
    ours: "cd /tmp && W git status",
  },
  { command: "git pull || make clean", original: "W git pull || W make clean", ours: "W git pull || W make clean" },
  {
    command: "make&&ls;df",
    original: "W make && W ls ; W df",
    ours: "W make&&W ls;W df",
    why: "the same, but what stands between is not touched",
  },
  {
    command: "FOO=bar make",
    original: "[W][FOO=bar][make]",
    ours: AS_IT_WAS,
    why: "the assignment became an argument",
  },
  {
    command: 'grep "$HOME" f',
    original: "[W][grep][$HOME][f]",
    ours: AS_IT_WAS,
    why: "the variable was not expanded",
  },
  { command: 'echo "`date`"', original: "[W][echo][`date`]", ours: AS_IT_WAS, why: "the command was not run" },
  ...[
    "ls $HOME",
    "ls | wc -l",
    "ls *.c",
    "ls > f",
    "ls &",
    "ls # all",
    "ls\ndf",
    "ls {a,b}",
    "ls ~",
    "! ls",
    "(ls)",
  ].map((command) => ({ command, original: AS_IT_WAS, ours: AS_IT_WAS })),
  {
    command: "ls a\\;b",
    original: "[W][ls][a;b]",
    ours: AS_IT_WAS,
    why: "right, but backslashes are not looked through: shells differ in them",
  },
  {
    command: 'ls \\"a && b\\"',
    original: AS_IT_WAS,
    ours: AS_IT_WAS,
    why: "the original reads the escaped quotes as quotes, and happens to do no harm",
  },
  { command: "exit 3", original: AS_IT_WAS, ours: AS_IT_WAS },
  { command: "export X=1", original: AS_IT_WAS, ours: AS_IT_WAS },
  { command: "exec ls", original: AS_IT_WAS, ours: AS_IT_WAS },
  { command: "", original: "[W]", ours: AS_IT_WAS, why: "there is nothing to be wrapped" },
];

describe("the original's table", () => {
  it.each(TABLE)("$command", ({ command, original, ours, why }) => {
    expect(outcome(command)).toBe(ours);
    // Whatever is done in another way has a reason.
    if (original !== ours) expect(why).toBeDefined();
  });
});

describe("a command that is certain", () => {
  it.each([
    ["git log --format='%h %s' -n 5", "[W][git][log][--format=%h %s][-n][5]"],
    ['git commit -m "a; b && c | d > e ( # ~ * !"', "[W][git][commit][-m][a; b && c | d > e ( # ~ * !]"],
    ["grep 'a\\.b\\|c' f", "[W][grep][a\\.b\\|c][f]"],
    [`ls a"b c"'d e' ""`, "[W][ls][ab cd e][]"],
    ["  ls\t-l  ", "[W][ls][-l]"],
    ["ls 'ä' \"\u{1f600}\"", "[W][ls][ä][\u{1f600}]"],
    ["ls 'a\nb\tc'", "[W][ls][a\nb\tc]"],
    ["date +%F HEAD^ a=b", "[W][date][+%F][HEAD^][a=b]"],
    ["python3.11 -m x", "[W][python3.11][-m][x]"],
    ["ls =x", "[W][ls][=x]"],
    ["ls ;", "W ls ;"],
    ["export A=1 B='2 3' && make", "export A=1 B='2 3' && W make"],
    ["test -f x && cat x", "test -f x && W cat x"],
    ["test a = b || test a == b || ls", "test a = b || test a == b || W ls"],
    ["printf x && ls", "printf x && W ls"],
    ["ls 'a;b' ; df \"c&&d\"", "W ls 'a;b' ; W df \"c&&d\""],
    ["W ls && ls", "W ls && W ls"],
  ])("%j is wrapped", (command, ours) => {
    expect(outcome(command)).toBe(ours);
  });
});

describe("a command that is not certain", () => {
  it.each([
    "ls 'open",
    'ls "open',
    "ls a\\ b",
    "ls 'a\\\\b'",
    "ls 'a\\'",
    'ls "a\\b"',
    "ls \0",
    "ls '\0'",
    "ls '\r'",
    "ls\r",
    "ls\u00a0-l",
    "ls\u3000-l",
    "ls \u0007",
    "ls ä",
    "ls\ud800",
    "ls 'a' \ud800",
    "ls &&",
    "&& ls",
    "; ls",
    "ls ;; df",
    "ls ; ; df",
    "ls && && df",
    "ls &&& df",
    "ls ||| df",
    "ls & df",
    "ls |& df",
    "ls %1",
    "ls ^f",
    "'ls' -l",
    "l's' -l",
    "'' ls",
    "-x ls",
    "/bin/ls -l",
    "./ls",
    "../ls",
    "~/ls",
    "a=b",
    "a+=b ls",
    "a[1]=b ls",
    ". ./f && ls",
    "source f && ls",
    "set -x; ls",
    "alias ls=df; ls",
    "eval ls && ls",
    "trap x 0; ls",
    "export PATH=/x; ls",
    "export LD_PRELOAD=x; ls",
    "export A; ls",
    "export; ls",
    "export 'A B=1'; ls",
    "unset PATH; ls",
    "read x; ls",
    "printf -v PATH x; ls",
    "test 'a[1=2]' = 1 && ls",
    "test PATH=1 -eq 1 && ls",
    "time ls",
    "while false; do ls; done",
    "function ls; df; end",
    "ls; and df",
    "begin; ls; end",
    "not ls",
    "ll",
    "cat <<E\nx\nE",
    "W ls",
    "echo x",
    "true",
    " ",
    ";",
  ])("%j is left to the shell as it was", (command) => {
    expect(outcome(command)).toBe(AS_IT_WAS);
  });

  it("because the wrapper cannot be written into it", () => {
    for (const wrapper of ["./rtk", "a/rtk", "my rtk", "rtk;", "-rtk", "$rtk", "rtk=", "/", "/a/"])
      expect([wrapper, outcome("ls; df", wrapper)]).toEqual([wrapper, AS_IT_WAS]);
    expect(outcome("ls; df", "/opt/my-tools/rtk")).toBe("/opt/my-tools/rtk ls; /opt/my-tools/rtk df");
    expect(outcome("rtk ls; df", "/opt/rtk")).toBe("rtk ls; /opt/rtk df");
    expect(outcome("ls", "my rtk")).toBe("[my rtk][ls]");
    expect(outcome("ls", "")).toBe(AS_IT_WAS);
  });

  it("because it is a list of fish, which ends at a program that is not there", () => {
    expect(outcome("ls; df", "W", "fish")).toBe(AS_IT_WAS);
    expect(outcome("ls;", "W", "fish")).toBe(AS_IT_WAS);
    expect(outcome("ls", "W", "fish")).toBe("[W][ls]");
    expect(outcome("ls; df", "W", "bash")).toBe("W ls; W df");
  });
});

interface Shell {
  readonly name: ShellName;
  readonly path: string;
  /** Says how the command before it ended, and what it changed. */
  readonly closing: string;
}

const POSIX = 'printf \'end %s %s %s %s\\n\' "$?" "$X" "$PWD" "$(umask)"';

/** The shells that are here; CMD2HOST_FISH names one that is not on the path. */
function shells(): readonly Shell[] {
  const found: Shell[] = [];
  for (const [name, closing] of [
    ["sh", POSIX],
    ["bash", POSIX],
    ["fish", "printf 'end %s %s %s %s\\n' $status \"$X\" $PWD (umask)"],
  ] as const) {
    const given = name === "fish" ? process.env["CMD2HOST_FISH"] : undefined;
    const path =
      given ??
      spawnSync("/bin/sh", ["-c", `command -v ${name}`])
        .stdout.toString()
        .trim();
    if (path === "") process.stderr.write(`SKIPPED: wrapped commands in ${name}, which is not installed\n`);
    else found.push({ name, path, closing });
  }
  return found;
}

const SHELLS = shells();
const show = `#!/bin/sh
# Prints how it was called, and what it finds: its arguments, two variables and the working directory.
printf 'show'
for argument in "$@"; do printf ' [%s]' "$argument"; done
printf ' X=%s PWD=%s\\n' "$X" "$PWD"
case $1 in [0-9]) exit "$1" ;; esac
`;

/** A directory with programs: `show`, `print-args`, and `W`, which runs what it is given. */
function bench(): { readonly bin: string; readonly home: string } {
  const bin = fixturePrograms();
  writeFileSync(join(bin, "show"), show, { mode: 0o755 });
  writeFileSync(join(bin, "W"), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  const home = tempDirectory();
  mkdirSync(join(home, "sub"));
  symlinkSync("sub", join(home, "link"));
  return { bin, home };
}

/** What can be seen of a command in the end. */
function seen(file: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): string {
  const { stdout, stderr, status, signal } = spawnSync(file, args, { env, cwd, timeout: 20_000 });
  // Who says of a program that it is not there says it in words of their own.
  const isMissing = /not found|Unknown command/.test(stderr.toString());
  const said = isMissing ? "something is not there" : stderr.toString();
  return `${stdout.toString()}\n${said}\n${String(status)} ${String(signal)}`;
}

const plainWord = fc.constantFrom("a", "-x", "--long=b", "a.b", "x/y", "1", "3", "+%F", "HEAD^", "a=b", "A:B,C@D");
const quotedText = fc.string({
  unit: fc.constantFrom("a", " ", ";", "&", "|", "*", "#", "~", "(", "<", "{", "!", "\t", "\n", "ä", "%", "="),
  maxLength: 5,
});
const quotedWord = fc.oneof(
  quotedText.map((text) => `'${text}'`),
  quotedText.map((text) => `"${text}"`),
  fc.constantFrom("'\\.'", "'$X'", "'`x`'", '"$X"', '"`show`"', "$X", "a\\ b", "'\\\\'", '"\\\\"', "*", "~", "'open"),
);
const word = fc.oneof(
  { weight: 4, arbitrary: plainWord },
  { weight: 3, arbitrary: quotedWord },
  { weight: 1, arbitrary: fc.tuple(plainWord, quotedWord).map(([one, other]) => one + other) },
);
const simple = fc
  .tuple(fc.constantFrom("show", "show", "print-args", "exit-with 2"), fc.array(word, { maxLength: 4 }))
  .map(([program, words]) => [program, ...words].join(" "));
const own = fc.constantFrom(
  "cd sub",
  "cd link",
  "cd none",
  "pwd",
  "true",
  "false",
  "exit 4",
  "export X=new",
  "export X='two words'",
  "X=new",
  "X=new show",
  "umask 077",
  "echo 'a\\tb'",
  "printf x",
  "test -d sub",
  "test a = b",
  "set -x",
  "alias show=true",
  "export PATH=/nowhere",
  "unset PATH",
  "time show",
  "if true; then show a; fi",
  "not show",
  ". ./none",
  "'show' a",
  "command show",
  "pushd sub",
  "",
);
const operator = fc.constantFrom("&&", "||", ";", " && ", " || ", " ; ", "; ", "|", "&", "\n", ";;", " &&\t");
const list = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: simple }, { weight: 1, arbitrary: own }),
    fc.array(fc.tuple(operator, fc.oneof({ weight: 2, arbitrary: simple }, { weight: 2, arbitrary: own })), {
      maxLength: 3,
    }),
    fc.constantFrom("", "", "", ";", " ; ", " ", "&"),
  )
  .map(([first, more, end]) => first + more.map(([op, command]) => op + command).join("") + end);
/** Text in which anything may follow anything. */
const raw = fc
  .array(
    fc.constantFrom(
      "show",
      "print-args",
      "a",
      " ",
      " ",
      "'",
      '"',
      ";",
      "&",
      "&&",
      "||",
      "|",
      "=",
      "-",
      "\\",
      "\t",
      "cd",
      "sub",
      "X",
      "^",
      "%",
      ".",
    ),
    { maxLength: 9 },
  )
  .map((pieces) => pieces.join(""));

describe.each(SHELLS)("in $name, a wrapped command", ({ name, path, closing }) => {
  const { bin, home } = bench();
  const environment = (cwd: string): NodeJS.ProcessEnv => ({
    PATH: bin,
    HOME: home,
    X: "old",
    PWD: cwd,
    LC_ALL: "C.UTF-8",
    umask: "",
  });

  it("does, prints and ends as it would without the wrapper", () => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: list }, { weight: 1, arbitrary: raw }), (command) => {
        const way = wrapCommand(command, "W", name);
        const isWrapped = way.kind === "argv" || way.command !== command;
        const kind = isWrapped ? way.kind : AS_IT_WAS;
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        if (!isWrapped) return;
        const cwd = mkdtempSync(join(home, "run-"));
        mkdirSync(join(cwd, "sub"));
        symlinkSync("sub", join(cwd, "link"));
        const env = environment(cwd);
        // On a line of its own, so that it neither joins the command nor is kept from running by it.
        const inShell = (text: string): string => seen(path, ["-c", `${text}\n${closing}`], env, cwd);
        const [file = "", ...args] = way.kind === "argv" ? way.argv : [];
        const now = way.kind === "argv" ? seen(join(bin, file), args, env, cwd) : inShell(way.command);
        // Without a shell there is nothing that it could have changed.
        const before = way.kind === "argv" ? seen(path, ["-c", command], env, cwd) : inShell(command);
        expect(now).toBe(before);
      }),
      { numRuns: name === "sh" ? 350 : 200 },
    );
    for (const kind of name === "fish" ? ["argv"] : ["argv", "shell"]) expect(counts.get(kind)).toBeGreaterThan(5);
  });

  it("knows every word that the shell keeps for itself", () => {
    const listed =
      name === "bash"
        ? execFileSync(path, ["-c", "compgen -b; compgen -k"])
        : name === "fish"
          ? execFileSync(path, ["-c", "builtin -n; printf '%s\\n' la ll export"])
          : Buffer.from(
              "if then else while until for do case function\ncommand eval exec local read set trap type wait getopts",
            );
    const words = listed
      .toString()
      .split(/\s+/)
      .filter((text) => text !== "");
    expect(words.length).toBeGreaterThan(10);
    for (const text of words) expect([text, outcome(text)]).toEqual([text, AS_IT_WAS]);
  });
});
