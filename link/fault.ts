/** The other end did what the link forbids: it is broken or hostile. Never leaves this room. */
export class LinkFault extends Error {
  override readonly name = "LinkFault";
}

/** Throws unless `holds`. */
export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new LinkFault(what);
}
