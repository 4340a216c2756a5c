import type { ShellName } from "../../wire/names.ts";

/** How a command string is run so that a wrapper (rtk, for one) shortens what its programs write. */
export type Wrapping =
  /** Without a shell: the wrapper and its arguments. The caller sets PWD, as a shell would. */
  | { readonly kind: "argv"; readonly argv: readonly string[] }
  /** By the shell: the command with the wrapper put in front of some of its programs, or as it was. */
  | { readonly kind: "shell"; readonly command: string };

/** One of the commands of a list. */
interface Part {
  /** The words as the program would get them. */
  readonly words: readonly string[];
  /** Where the first word begins, when it is written without quotes. */
  readonly plainAt: number | undefined;
}

/**
 * Words that a shell takes for its own, after which a program may not be what its name says any more, or that change what stands around them: keywords,
 * builtins and functions of sh, bash and fish.
 */
const OF_SHELLS = new Set(
  [
    "if then else elif fi case esac for select while until do done in function time coproc",
    "alias bg bind break builtin caller chdir command compgen complete compopt continue declare dirs disown enable",
    "eval exec fc fg getopts hash help history jobs kill let local logout mapfile read readarray readonly return set",
    "shift shopt source suspend times trap type typeset ulimit unalias unset wait",
    "abbr and argparse begin block breakpoint commandline contains count emit end functions math not or path random",
    "realpath set_color status string switch _ cdh contains_seq dirh edit_command_buffer funced funcsave isatty la ll",
    "nextd open prevd psub setenv vared",
    "autoload float global integer nameref print redirect unsetenv whence",
  ].flatMap((line) => line.split(" ")),
);
/** Builtins after which a program is still what its name says. They are not wrapped: another program of the name may do something else. */
const HARMLESS = new Set(["cd", "echo", "exit", "false", "popd", "pushd", "pwd", "true", "umask"]);
/** Variables that say which program is meant, or that change the shell or the wrapper itself. */
const POWERFUL = /^(PATH|IFS|ENV|POSIXLY_CORRECT|BASH|SHELLOPTS|LD_|DYLD_|fish_)/;

/** Outside of quotes: what stands for itself in every shell, wherever it is. */
const PLAIN = /[A-Za-z0-9_./:,@+=^%-]/;
/** Not at the beginning of a word: old redirections of fish, and its jobs. */
const NOT_FIRST = /[\^%]/;
/** A program that is found by its name: no path, which fish would go to when it is a directory, and no assignment. */
const PROGRAM = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/;
/** A wrapper that can be written into a command: its path must not depend on the working directory. */
const WRITABLE = /^(\/[A-Za-z0-9_.+-]+)*\/?[A-Za-z0-9_.+][A-Za-z0-9_.+-]*$/;
/** Even in quotes: what cannot be handed to a program, or what people do not see. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f]/;

/** Splits a command into its parts and words, as far as every shell would do the same. */
class Scanner {
  readonly #text: string;
  readonly #parts: Part[] = [];
  #at = 0;
  #words: string[] = [];
  #word: string | undefined;
  #plainAt: number | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** Undefined when something is not certain. */
  scan(): readonly Part[] | undefined {
    while (this.#at < this.#text.length) if (!this.#step()) return undefined;
    this.#endWord();
    // Only a semicolon may stand at the end.
    if (this.#words.length > 0) this.#endPart();
    else if (!/;[ \t]*$/.test(this.#text)) return undefined;
    return this.#parts;
  }

  /** False: not certain. */
  #step(): boolean {
    const character = this.#text.charAt(this.#at);
    switch (character) {
      case " ":
      case "\t":
        this.#at++;
        this.#endWord();
        return true;
      case "'":
      case '"':
        return this.#quoted(character);
      case ";":
        return this.#operator(1);
      case "&":
      case "|":
        return this.#text.charAt(this.#at + 1) === character && this.#operator(2);
      default:
        return this.#plain(character);
    }
  }

  #plain(character: string): boolean {
    if (!PLAIN.test(character) || (this.#word === undefined && NOT_FIRST.test(character))) return false;
    if (this.#word === undefined && this.#words.length === 0) this.#plainAt = this.#at;
    this.#word = (this.#word ?? "") + character;
    this.#at++;
    return true;
  }

  #quoted(quote: string): boolean {
    const end = this.#text.indexOf(quote, this.#at + 1);
    const content = this.#text.slice(this.#at + 1, end);
    if (end === -1 || CONTROLS.test(content)) return false;
    // Between single quotes a backslash stands for itself, but in fish not in front of these.
    const isCertain = quote === '"' ? !/[$`\\]/.test(content) : !/\\(?:\\|$)/.test(content);
    if (!isCertain) return false;
    // A name in quotes may still be a builtin, but no keyword: shells differ.
    if (this.#words.length === 0) this.#plainAt = undefined;
    this.#word = (this.#word ?? "") + content;
    this.#at = end + 1;
    return true;
  }

  #operator(length: number): boolean {
    this.#endWord();
    if (this.#words.length === 0) return false;
    this.#endPart();
    this.#at += length;
    return true;
  }

  #endWord(): void {
    if (this.#word !== undefined) this.#words.push(this.#word);
    this.#word = undefined;
  }

  #endPart(): void {
    this.#parts.push({ words: this.#words, plainAt: this.#plainAt });
    [this.#words, this.#plainAt] = [[], undefined];
  }
}

/** What is to be done with a part: undefined when it makes everything else uncertain. */
function verdictOn({ words, plainAt }: Part, wrapper: string): "wrap" | "leave" | undefined {
  const [program = "", ...args] = words;
  if (plainAt === undefined || !PROGRAM.test(program) || OF_SHELLS.has(program)) return undefined;
  if (HARMLESS.has(program)) return "leave";
  // What it compares may be calculated, and a calculation may set a variable.
  if (program === "test") return args.some((arg) => /\[|=[^=]/.test(arg)) ? undefined : "leave";
  // The option -v of bash sets a variable.
  if (program === "printf") return args[0]?.startsWith("-") === true ? undefined : "leave";
  if (program === "export") {
    const isPlain = args.length > 0 && args.every((arg) => ASSIGNMENT.test(arg) && !POWERFUL.test(arg));
    return isPlain ? "leave" : undefined;
  }
  // It is wrapped already.
  return program === wrapper.slice(wrapper.lastIndexOf("/") + 1) ? "leave" : "wrap";
}

/**
 * How to run a command string of a shell (sh, bash or fish) through a wrapper that runs the program that it is given, so that the command means the
 * same as without. One program with its arguments needs no shell; in a list (`&&`, `||`, `;`) each program is wrapped where it stands. Whatever is not
 * certain is left to the shell as it is: expansions, redirections, pipes, keywords, assignments, most backslashes, what is not ASCII outside of quotes,
 * builtins, and names that a shell may take for something else. Functions of the user's own configuration of fish are not known here.
 * @param command as it was sent
 * @param wrapper a program's name, or its absolute path. It must be there: a command that is wrapped cannot be run without it.
 * @param shell whose command it is. In fish lists are left as they are: one ends at a program that is not there, and would go on behind the wrapper.
 */
export function wrapCommand(command: string, wrapper: string, shell: ShellName = "sh"): Wrapping {
  const unchanged: Wrapping = { kind: "shell", command };
  if (wrapper === "" || !command.isWellFormed()) return unchanged;
  const parts = new Scanner(command).scan() ?? [];
  const verdicts = parts.map((part) => verdictOn(part, wrapper));
  if (verdicts.includes(undefined)) return unchanged;
  const [first] = parts;
  if (first !== undefined && parts.length === 1 && !/;[ \t]*$/.test(command))
    return verdicts[0] === "wrap" ? { kind: "argv", argv: [wrapper, ...first.words] } : unchanged;
  if (shell === "fish" || !WRITABLE.test(wrapper)) return unchanged;
  let written = "";
  let from = 0;
  for (const [index, { plainAt = 0 }] of parts.entries()) {
    if (verdicts[index] !== "wrap") continue;
    written += `${command.slice(from, plainAt)}${wrapper} `;
    from = plainAt;
  }
  return { kind: "shell", command: written + command.slice(from) };
}
