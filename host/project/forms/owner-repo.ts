import type { Form } from "./form.ts";

const PART = /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}$/;

/** owner/name as GitHub spells it: never a path, an address, or a host in front. */
export const ownerRepo: Form = (text) => {
  const parts = text.split("/");
  if (parts.length !== 2) return "there is not exactly one '/'";
  if (text.includes("..")) return "it has ..";
  if (parts.some((part) => !PART.test(part)))
    return "each part is letters, digits, '_', '.' and '-', without '-' in front";
  if (parts.some((part) => part === ".")) return "a part is only a dot";
  // git and gh drop it from a name, which is then another one.
  return /\.git$/i.test(text) ? "it ends with .git" : undefined;
};
