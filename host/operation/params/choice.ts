import { ANY_TEXT, checkString, type ParamKind } from "./kind.ts";

/** One of the texts that the schema lists; what it lists may begin with a dash. */
export const choice: ParamKind = {
  isPath: false,
  capture: ANY_TEXT,
  read: (word, { schema }) => (schema.enum?.includes(word) === true ? word : undefined),
  check: (value, rule) => ({
    kind: "text",
    text: checkString(value, { ...rule, schema: { ...rule.schema, allow_leading_dash: true } }),
  }),
};
