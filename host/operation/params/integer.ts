import { ValueError, checkChoice, checkRange, typeOfJson, type ParamKind } from "./kind.ts";

/** A JSON number that is an integer and exact as a double. Fractions and larger numbers are refused, never rounded. */
export const integer: ParamKind = {
  isPath: false,
  capture: "([0-9]+)",
  read: (word) => (/^[+-]?[0-9]{1,18}$/.test(word) ? Number(word) : undefined),
  check(value, rule) {
    if (typeof value !== "number") throw new ValueError(`expected integer, got ${typeOfJson(value)}`);
    if (!Number.isSafeInteger(value)) throw new ValueError(`expected integer, got ${value}`);
    checkRange(value, rule);
    // A negative number is an option to many programs, but its schema asked for it by a negative or absent minimum.
    const text = String(Object.is(value, -0) ? 0 : value);
    checkChoice(text, rule);
    return { kind: "text", text };
  },
};
