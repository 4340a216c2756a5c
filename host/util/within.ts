/** True when an absolute path is `root` or lies below it. Both are lexically clean; links are not looked at. */
export function isWithin(path: string, root: string): boolean {
  return root === "/" || path === root || path.startsWith(`${root}/`);
}
