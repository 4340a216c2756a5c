/** What cmd2host promises about a hostile container, as data. Tests cite a promise by its number; docs/security.md shows this list. */
export interface HostilePromise {
  readonly number: number;
  readonly text: string;
  /** What it still waits for, if it cannot be kept whole yet. */
  readonly waitsFor?: string;
}

export const PROMISES: readonly HostilePromise[] = [
  {
    number: 1,
    text: "Default deny. A request can never choose the executable, the environment, the working directory or the host.",
  },
  {
    number: 2,
    text: "What was approved is what runs: the same bytes are hashed and parsed, in one read, from one open handle.",
  },
  { number: 3, text: "A denied request never starts a process, and leaves a record." },
  {
    number: 4,
    text: "The record of the decision is written to disk before the command starts; if it cannot be written, nothing runs.",
  },
  {
    number: 5,
    text: "No file of the workspace is executed, sourced or read as configuration by a host program that an operation starts, unless the operation's author opted in by name.",
  },
  {
    number: 6,
    text: "A push or fetch reaches the repository that the project names, whatever the workspace's git says.",
  },
  {
    number: 7,
    text: "Nothing outside the workspace is read for, or written by, the container, except through an operation that names it.",
  },
  {
    number: 8,
    text: "A secret of the host (environment, token files) never appears in what is returned to the container or in a log.",
  },
  {
    number: 9,
    text: "No input makes the daemon use unbounded memory, CPU, time, disk or processes; one client cannot starve the others.",
  },
  {
    number: 10,
    text: "When a client goes away, times out or cancels, the whole process tree of its command is gone shortly after.",
  },
  {
    number: 11,
    text: "A session token can run what its project allows and nothing else: it cannot approve, mint, widen, list other projects, or read the records.",
  },
];
