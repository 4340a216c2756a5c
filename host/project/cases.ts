import { CodedError } from "../../wire/errors.ts";
import { readJsonFile } from "../../wire/parse.ts";
import type { PolicyCases } from "../../wire/schema.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { readTrusted } from "../util/read-trusted.ts";
import type { ProjectFiles } from "./pin.ts";

export type PolicyCase = PolicyCases["cases"][number];

const MAX_CASES_BYTES = 1_048_576;

export interface LoadedCases {
  readonly cases: readonly PolicyCase[];
  /** JSON pointers of members that are not known. */
  readonly unknown: readonly string[];
}

function invalid(message: string): CodedError {
  return new CodedError("cases_invalid", message);
}

function checkCase({ name, argv, ask, denied }: PolicyCase, file: string): void {
  const says = denied === undefined ? argv !== undefined || ask === true : argv === undefined && ask !== true;
  if (!says)
    throw invalid(
      `${file}: case ${quoted(shortened(name, 80))} must say one of: argv, ask (with or without argv), denied`,
    );
}

/**
 * Reads cases out of bytes.
 * @param file only named in messages
 * @throws CodedError `cases_invalid`
 */
export function parseCases(bytes: Buffer, file: string): LoadedCases {
  const read = readJsonFile("cases_file", bytes, file);
  if (!read.ok) throw invalid(read.fault.message);
  for (const one of read.value.cases) checkCase(one, file);
  return { cases: read.value.cases, unknown: read.unknown };
}

/**
 * The cases that a project keeps beside its configuration; undefined when it has none.
 * @throws CodedError `cases_invalid`, `config_untrusted`, `file_failed`
 */
export function readCases({ cases }: ProjectFiles): LoadedCases | undefined {
  const file = readTrusted(cases, MAX_CASES_BYTES);
  return file === undefined ? undefined : parseCases(file.bytes, cases);
}

/** The placeholders of the bundled templates, and what stands for them in a project. */
export interface CasesPlace {
  readonly repo: string;
  readonly path: string;
  readonly host: string;
  /** True when a request has to say which repository. */
  readonly several: boolean;
}

/** A template's cases for a project that is made of it. */
export function casesFor(
  template: readonly PolicyCase[],
  { repo, path, host, several }: CasesPlace,
): readonly PolicyCase[] {
  const filled = (text: string): string =>
    text
      .replaceAll("git@github.com:OWNER/REPO.git", () => `git@${host}:${repo}.git`)
      .replaceAll("OWNER/REPO", () => repo)
      .replaceAll("/path/to/repo", () => path);
  return template.map((one) => {
    const renamed = JSON.parse(JSON.stringify(one), (_name, value: unknown) =>
      typeof value === "string" ? filled(value) : value,
    ) as PolicyCase;
    return several ? { ...renamed, request: { ...renamed.request, target_repo: repo } } : renamed;
  });
}

/** The text of cases.json. One line each, as people compare them. */
export function casesText(cases: readonly PolicyCase[]): string {
  return `{"cases":[\n${cases.map((one) => JSON.stringify(one)).join(",\n")}\n]}\n`;
}

/** Of one operation: cases that run, and cases that are denied. */
const STARTERS_OF_A_KIND = 2;
/** A longer one is no example. */
const MAX_STARTER_LENGTH = 600;

/** A few cases of every operation, short ones: what somebody can read and go on from. */
export function starterCases(cases: readonly PolicyCase[]): readonly PolicyCase[] {
  const taken = new Map<string, number>();
  return cases.filter((one) => {
    if (JSON.stringify(one).length > MAX_STARTER_LENGTH) return false;
    const key = `${one.request.operation ?? ""} ${one.denied === undefined ? "runs" : "denied"}`;
    const count = (taken.get(key) ?? 0) + 1;
    taken.set(key, count);
    return count <= STARTERS_OF_A_KIND;
  });
}
