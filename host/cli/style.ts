/** Colours for a terminal; each function returns its text unchanged where there is none. */
export interface Style {
  readonly strong: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly careful: (text: string) => string;
  readonly quiet: (text: string) => string;
}

const PLAIN: Style = { strong: String, good: String, bad: String, careful: String, quiet: String };

/** Not `styleText` of node:util: that decides by the process's own standard output, and we print to either. */
function sgr(start: number, end: number): (text: string) => string {
  return (text) => `\u001b[${start}m${text}\u001b[${end}m`;
}

const COLOURED: Style = {
  strong: sgr(1, 22),
  good: sgr(32, 39),
  bad: sgr(31, 39),
  careful: sgr(33, 39),
  quiet: sgr(2, 22),
};

/** Colours only on a terminal that has them, and never with a non-empty NO_COLOR. */
export function styleFor(isTerminal: boolean, environment: NodeJS.ProcessEnv): Style {
  const wanted = isTerminal && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
  return wanted ? COLOURED : PLAIN;
}
