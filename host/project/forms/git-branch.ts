import type { Form } from "./form.ts";
import { gitRef } from "./git-ref.ts";

/** Object ids, which git prefers to a branch of the same name. */
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;

/** The short name of a branch. */
export const gitBranch: Form = (text, schema) => {
  if (text === "HEAD") return "HEAD is no branch";
  if (text.startsWith("refs/")) return "it is the full name of a ref";
  if (OBJECT_ID.test(text)) return "it is an object id";
  return gitRef(text, schema);
};
