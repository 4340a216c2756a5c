import { ValueError, checkChoice, checkRange, typeOfJson, type ParamKind } from "./kind.ts";

/** The shortest text that reads back as the number, written out in full: 1e-7 is 0.0000001. Zero has no sign. */
function decimal(value: number): string {
  const [, sign = "", whole = "", fraction = "", power = "0"] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:e([+-][0-9]+))?$/.exec(String(value)) ?? [];
  // Of numbers that are small enough to be exact, only the tiny ones are written with a power.
  return power === "0"
    ? sign + whole + (fraction === "" ? "" : `.${fraction}`)
    : `${sign}0.${"0".repeat(-Number(power) - 1)}${whole}${fraction}`;
}

/**
 * A finite JSON number between the integers that are exact as doubles. It is negative only when the schema says so, by a negative minimum or by
 * allow_leading_dash: to most programs `-5` is an option.
 */
export const number: ParamKind = {
  isPath: false,
  capture: "([0-9]+(?:\\.[0-9]+)?)",
  read: (word) => (/^[+-]?[0-9]{1,18}(?:\.[0-9]{1,30})?$/.test(word) ? Number(word) : undefined),
  check(value, rule) {
    if (typeof value !== "number") throw new ValueError(`expected number, got ${typeOfJson(value)}`);
    if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw new ValueError(`expected number, got ${value}`);
    checkRange(value, rule);
    const { min = 0, allow_leading_dash: dashAllowed } = rule.schema;
    if (value < 0 && min >= 0 && dashAllowed !== true)
      throw new ValueError(`${value} is negative: a program would take it for an option (flag injection prevention)`);
    const text = decimal(value);
    checkChoice(text, rule);
    return { kind: "text", text };
  },
};
