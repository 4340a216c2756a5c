import type { TemplateElement, TemplatePart } from "./types.ts";

const PLACEHOLDER = /\{([A-Za-z0-9_]+)\}/g;

function parts(text: string): readonly TemplatePart[] {
  const out: TemplatePart[] = [];
  let end = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    if (match.index > end) out.push({ kind: "text", text: text.slice(end, match.index) });
    out.push({ kind: "name", name: match[1] ?? "" });
    end = match.index + match[0].length;
  }
  if (end < text.length) out.push({ kind: "text", text: text.slice(end) });
  return out;
}

/**
 * Reads one element of an argument template. `{anything}` without further braces is a whole-argument placeholder; in any other element with
 * both braces, `{name}` of letters, digits and `_` is replaced and other brace text stays.
 */
export function parseElement(text: string): TemplateElement {
  const inside = text.slice(1, -1);
  if (text.length > 2 && text.startsWith("{") && text.endsWith("}") && !/[{}]/.test(inside))
    return { kind: "whole", name: inside, text };
  const found = text.includes("{") && text.includes("}") ? parts(text) : [];
  return found.some((part) => part.kind === "name")
    ? { kind: "inline", parts: found, text }
    : { kind: "literal", text };
}

/** The placeholder names of an element. */
export function placeholdersOf(element: TemplateElement): readonly string[] {
  if (element.kind === "whole") return [element.name];
  return element.kind === "inline" ? element.parts.flatMap((part) => (part.kind === "name" ? [part.name] : [])) : [];
}

/** True for a literal that is an option: it goes away together with the optional value behind it. */
export function isOptionLiteral(element: TemplateElement | undefined): boolean {
  return element?.kind === "literal" && element.text.startsWith("-") && !/[{}]/.test(element.text);
}
