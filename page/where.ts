/** Which part of the page is shown: what stands behind the # of its address. */
export type Where =
  | { readonly view: "now"; readonly run: string | undefined }
  | { readonly view: "decisions" }
  | { readonly view: "projects"; readonly project: string | undefined }
  | { readonly view: "access" };

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export function viewOf(hash: string): Where {
  const [, view, of] = /^#\/([a-z]+)(?:\/(.+))?$/.exec(hash) ?? [];
  switch (view) {
    case "decisions":
    case "access":
      return { view };
    case "projects":
      return { view, project: decoded(of) };
    default:
      return { view: "now", run: decoded(of) };
  }
}

/** The address of a part. */
export function hrefOf(view: Where["view"], of?: string): string {
  return of === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(of)}`;
}

/** The parts of the page that this daemon has something for, in their order. */
export function viewsOf(hasDecisions: boolean): readonly Where["view"][] {
  return hasDecisions ? ["now", "decisions", "projects", "access"] : ["now", "projects", "access"];
}
