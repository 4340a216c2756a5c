import { CodedError } from "../../wire/errors.ts";
import { printable, printableLines } from "../../wire/text.ts";
import { canonicalText } from "../project/canonical.ts";
import { MAX_CONFIG_BYTES, projectFiles } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { withLock } from "../util/lock.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { writeAtomic } from "../util/write-atomic.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { loadForReview } from "./review.ts";

export const configMigrate = command({
  path: ["config", "migrate"],
  about:
    "Rewrite a configuration in its canonical form. Unknown members stay; the approval is not touched, so it has to be given again.",
  options: {
    id: { kind: "word", about: "The project's id" },
    apply: { kind: "switch", about: "Write it; without it the result is only shown" },
    json: JSON_SWITCH,
  },
  examples: [
    ["config migrate OWNER_NAME", "Show what would be written"],
    ["config migrate OWNER_NAME --apply", "Write it"],
  ],
  run: async ({ id, apply }, context) => {
    const files = projectFiles(context.base().projects, requireProjectId(id));
    const { config, bytes } = loadForReview(files, id);
    const after = canonicalText(config);
    const needed = !bytes.equals(Buffer.from(after, "utf8"));
    const json = { project: id, needed, applied: needed && apply, text: after };
    if (!needed) return { exit: 0, human: `No migration needed: ${printable(files.config)} is canonical.\n`, json };
    if (apply) {
      await withLock(files.directory, () => {
        const now = readTrusted(files.config, MAX_CONFIG_BYTES)?.bytes;
        if (now?.equals(bytes) !== true)
          throw new CodedError("file_failed", `${printable(files.config)}: changed while it was read`, {
            hint: "Run the command again.",
          });
        writeAtomic(files.config, after);
      });
    }
    const shown = `--- before ---\n${printableLines(bytes.toString("utf8")).trimEnd()}\n--- after ----\n${printableLines(after)}--- end ------\n`;
    const closing = apply
      ? `Migrated: ${printable(files.config)}\nApprove it again: cmd2host config allow ${id}\n`
      : `Dry-run only; write it with: cmd2host config migrate ${id} --apply\n`;
    return { exit: 0, human: shown + closing, json };
  },
});
