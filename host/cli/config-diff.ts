import { attempt, CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { approvalFor, approvedProject } from "../project/approval.ts";
import { compileProject, type LoadedProject } from "../project/compile.ts";
import { compareProjects, textualDiff } from "../project/diff.ts";
import { MAX_CONFIG_BYTES, projectFiles, readPin, readSnapshot } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { sha256Hex } from "../util/hash.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { changedText, reviewCases } from "./cases.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { changesText, unsafeEnvironment } from "./review.ts";

const STATUS = {
  allowed: "ALLOWED (hashes match)",
  modified: "MODIFIED (hashes differ)",
  not_allowed: "NOT ALLOWED",
} as const;

/** The project, or why it does not load. */
function compiled(id: string, bytes: Buffer, file: string): LoadedProject | CodedError {
  return attempt<LoadedProject | CodedError>(
    () => compileProject(id, bytes, file),
    (error) => error,
  );
}

export const configDiff = command({
  path: ["config", "diff"],
  about:
    "Show whether a configuration is approved, and what changed since it was: in words, as text, and which of its cases are judged differently.",
  options: { id: { kind: "word", about: "The project's id" }, json: JSON_SWITCH },
  examples: [["config diff OWNER_NAME", "What would config allow permit that is not permitted now?"]],
  more: "The exit code says whether the question could be answered, not what the answer is.",
  run: ({ id }, context) => {
    const files = projectFiles(context.base().projects, requireProjectId(id));
    const file = readTrusted(files.config, MAX_CONFIG_BYTES);
    if (file === undefined)
      throw new CodedError("not_found", `Config not found: ${id} (expected at ${printable(files.config)})`, {
        hint: "See cmd2host projects.",
      });
    const pin = readPin(files);
    const approval = approvalFor(file.bytes, pin);
    const now = compiled(id, file.bytes, files.config);
    const before = approvedProject(files, id);
    const changes = approval === "allowed" || now instanceof CodedError ? [] : compareProjects(before, now);
    const snapshot = readSnapshot(files);
    const text = snapshot === undefined ? "" : textualDiff(snapshot.toString("utf8"), file.bytes.toString("utf8"));
    const review = now instanceof CodedError ? { changed: [], failed: 0, total: 0 } : reviewCases(files, before, now);
    const { style } = context;
    const hash = sha256Hex(file.bytes);
    const broken = now instanceof CodedError ? `${style.bad("The configuration does not load:")} ${now.message}\n` : "";
    const words = approval === "allowed" || now instanceof CodedError ? "" : changesText(changes, before !== undefined);
    const status = approval === "allowed" ? style.good(STATUS.allowed) : style.careful(STATUS[approval]);
    const unsafe = now instanceof CodedError ? [] : unsafeEnvironment(now);
    const sections = [
      `Project: ${id}\nConfig: ${printable(files.config)}\nCurrent hash: ${hash}\nAllowed hash: ${pin === undefined ? "(none)" : printable(pin)}\n`,
      `Status: ${status}\n${approval === "allowed" ? "" : `To allow it: cmd2host config allow ${id}\n`}`,
      broken,
      words,
      changedText(review.changed),
      approval === "modified" && snapshot === undefined
        ? "No snapshot of what was approved was kept, so there is no textual difference.\n"
        : text,
    ];
    return {
      exit: 0,
      human: sections.filter((section) => section !== "").join("\n"),
      json: {
        project: id,
        config: files.config,
        current_hash: hash,
        allowed_hash: pin ?? null,
        status: approval,
        problem: now instanceof CodedError ? now.message : null,
        snapshot: snapshot !== undefined,
        env_unsafe: unsafe,
        changes,
        cases: review,
        text,
      },
      stderr: unsafe
        .map((name) => `warning: ${id} sets ${name}, which can change what its programs run or where they connect\n`)
        .join(""),
    };
  },
});
