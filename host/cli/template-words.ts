import { parseTemplate } from "../project/init.ts";
import { listTemplates, readTemplate, type TemplateSource } from "../project/templates.ts";
import type { Choice } from "./context.ts";

function sentence(
  id: string,
  { title, description }: { readonly title?: string; readonly description?: string },
): string {
  return title ?? description ?? id;
}

/** What a template allows, in words: what it only reads, and what it changes. */
function templateWords(templates: TemplateSource, name: string): string {
  const { allowed_operations: allowed = [], operations = {} } = parseTemplate(readTemplate(templates, name), name);
  const known = new Map(Object.entries(operations));
  const all = allowed.flatMap((id) => {
    const operation = known.get(id);
    return operation === undefined
      ? []
      : [{ text: sentence(id, operation), reads: operation.annotations?.read_only === true }];
  });
  const list = (reads: boolean): string =>
    all
      .filter((one) => one.reads === reads)
      .map(({ text }) => text.toLowerCase())
      .join(", ");
  const [reading, changing] = [list(true), list(false)];
  return [...(reading === "" ? [] : [`reads: ${reading}`]), ...(changing === "" ? [] : [`changes: ${changing}`])].join(
    "; ",
  );
}

/** Names of the bundled templates that are for checkouts, or of those that are for a machine of a fleet, sorted. */
export function templatesFor(what: "repositories" | "machines", templates: TemplateSource): readonly string[] {
  return listTemplates(templates).filter(
    (name) => (parseTemplate(readTemplate(templates, name), name).machine === undefined) === (what === "repositories"),
  );
}

/** The bundled templates for checkouts, each with what it allows; the one that allows least is the first. */
export function templateChoices(templates: TemplateSource): readonly Choice[] {
  const names = [...templatesFor("repositories", templates)].sort(
    (a, b) => Number(b === "readonly") - Number(a === "readonly"),
  );
  return names.map((value) => ({ value, hint: templateWords(templates, value) }));
}
