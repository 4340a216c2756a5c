/**
 * True for a value that aws and its like replace by the content of a file of the host: `file://…`, `fileb://…`, also behind `name=`. Prose that
 * merely mentions one is fine.
 */
export function readsHostFile(text: string): boolean {
  return /^fileb?:\/\//i.test(text) || /=fileb?:\/\//i.test(text);
}
