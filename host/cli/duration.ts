import { CodedError } from "../../wire/errors.ts";
import { TOKEN_LIFETIME_MS } from "../../wire/limits.ts";
import { quoted } from "../../wire/text.ts";

const DURATION = /^(?=[0-9])(?:([0-9]{1,2})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,5})s)?$/;

/**
 * Milliseconds of a text such as `8h`, `90m` or `1h30m`; more than nothing, at most 24 hours.
 * @throws CodedError `usage`
 */
export function parseDuration(text: string): number {
  const [whole, hours = "0", minutes = "0", seconds = "0"] = DURATION.exec(text) ?? [];
  const total = whole === undefined ? 0 : (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
  if (total > 0 && total <= TOKEN_LIFETIME_MS) return total;
  throw new CodedError("usage", `${quoted(text)} is no lifetime for a token`, {
    hint: "Write hours, minutes and seconds such as 8h, 90m or 1h30m; at most 24h.",
  });
}

/** `7h 59m`, `3m`, `42s`: the two largest units at most, rounded down. */
export function durationWords(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  if (hours > 0) return minutes > 0 ? `${hours}h ${minutes}m` : `${hours}h`;
  return minutes > 0 ? `${minutes}m` : `${seconds}s`;
}

/** A time as ISO 8601 without fractions, or "unknown" for one that is none. */
export function timeWords(time: Date): string {
  return Number.isNaN(time.getTime()) ? "unknown" : time.toISOString().replace(/\.\d+Z$/, "Z");
}
