/**
 * An estimate of how many tokens a text is for a model. No tokenizer is carried along: models differ, and theirs change. What is known of
 * byte pair encodings with 100,000 to 200,000 tokens is enough for a bound: prose has about 4 characters a token, code 3, digits,
 * digests and base64 1.5 to 2, CJK 1, symbols outside the common planes less than 1. Every constant lies on the dear side of that, and
 * what must be escaped in JSON costs what its escape costs, so one number holds for a text and for the same text inside JSON.
 */

const CLASS = { lower: 0, upper: 1, digit: 2, none: 3 } as const;
type CharacterClass = (typeof CLASS)[keyof typeof CLASS];

/** The first letter of a word or of a part of one (`getName`), and each that follows. */
const WORD_START = 0.7;
const WORD_LETTER = 0.18;
const CAPITAL_AFTER_CAPITAL = 0.35;
const LETTER_AFTER_CAPITAL = 0.3;
const FIRST_DIGIT = 0.75;
const DIGIT = 0.55;
/** Each character of what looks like a digest, a key or base64: its classes change more often than every third character. */
const RANDOM = 0.7;
const RANDOM_FROM = 8;
/** No word is longer; this is a key in small letters. */
const LONGEST_WORD = 24;
const LONG_WORD_LETTER = 0.5;
const SPACE = 0.15;
const LINE_BREAK = 1;
const MARK = 0.75;
/** `----`, `====`. */
const REPEATED_MARK = 0.3;
/** In a fence that is longer than every run of backticks inside, there are two more of each. */
const REPEATED_BACKTICK = 3 * REPEATED_MARK;
/** A quotation mark or a backslash, which JSON escapes. */
const ESCAPED_MARK = 1.1;
/** `\u001b` in JSON. */
const CONTROL = 4;
/** Letters of Latin-1, Greek, Cyrillic. */
const NEAR_LETTER = 0.8;
const FAR_CHARACTER = 1.4;
/** Half of a surrogate pair; emoji are two or three tokens. */
const HALF_PAIR = 1.6;

const NEAR_END = 0x0530;

function classOf(unit: number): CharacterClass {
  if (unit >= 0x61 && unit <= 0x7a) return CLASS.lower;
  if (unit >= 0x41 && unit <= 0x5a) return CLASS.upper;
  return unit >= 0x30 && unit <= 0x39 ? CLASS.digit : CLASS.none;
}

function wordCost(kind: CharacterClass, before: CharacterClass): number {
  if (kind === CLASS.digit) return before === CLASS.digit ? DIGIT : FIRST_DIGIT;
  if (kind === CLASS.upper) return before === CLASS.upper ? CAPITAL_AFTER_CAPITAL : WORD_START;
  if (before === CLASS.upper) return LETTER_AFTER_CAPITAL;
  return before === CLASS.lower ? WORD_LETTER : WORD_START;
}

function otherCost(unit: number, before: number): number {
  if (unit === 0x20) return SPACE;
  if (unit === 0x0a || unit === 0x0d || unit === 0x09) return LINE_BREAK;
  if (unit < 0x20 || unit === 0x7f) return CONTROL;
  if (unit === 0x22 || unit === 0x5c) return ESCAPED_MARK;
  if (unit === 0x60 && before === 0x60) return REPEATED_BACKTICK;
  if (unit < 0x7f) return unit === before ? REPEATED_MARK : MARK;
  if (unit < 0xa0) return CONTROL;
  if (unit >= 0xd800 && unit <= 0xdfff) return HALF_PAIR;
  return unit < NEAR_END ? NEAR_LETTER : FAR_CHARACTER;
}

/** Walks over a text and adds up; stops before the unit that would exceed `most`. */
function walk(text: string, most: number): { readonly tokens: number; readonly units: number } {
  let tokens = 0;
  let unitBefore = -1;
  let classBefore: CharacterClass = CLASS.none;
  let run = 0;
  let changes = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const kind = classOf(unit);
    let cost: number;
    if (kind === CLASS.none) {
      run = 0;
      changes = 0;
      cost = otherCost(unit, unitBefore);
    } else {
      run++;
      if (kind !== classBefore) changes++;
      cost = wordCost(kind, classBefore);
      if (run > RANDOM_FROM && changes * 3 > run) cost = Math.max(cost, RANDOM);
      else if (run > LONGEST_WORD) cost = Math.max(cost, LONG_WORD_LETTER);
    }
    if (tokens + cost > most) return { tokens, units: at };
    tokens += cost;
    unitBefore = unit;
    classBefore = kind;
  }
  return { tokens, units: text.length };
}

/** Estimated tokens of a text, as it is or inside JSON, whichever is more. */
export function tokensOf(text: string): number {
  return walk(text, Number.POSITIVE_INFINITY).tokens;
}

/** The longest beginning of a text that has at most this many tokens; never half of a character. */
export function beginningWithin(text: string, tokens: number): string {
  return text.slice(0, walk(text, tokens).units).replace(/[\ud800-\udbff]$/, "");
}

/** The longest end of a text that has at most this many tokens; never half of a character. */
export function endWithin(text: string, tokens: number): string {
  let [least, most] = [0, text.length];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (tokensOf(text.slice(text.length - middle)) <= tokens) least = middle;
    else most = middle - 1;
  }
  return text.slice(text.length - least).replace(/^[\udc00-\udfff]/, "");
}
