/** An origin URL, taken apart. */
export interface Origin {
  readonly host: string;
  /** owner/name without `.git`. */
  readonly repo: string;
}

const SSH = /^git@([A-Za-z0-9.-]+):([^/]+\/[^/]+?)(\.git)?$/;
const HTTPS = /^https?:\/\/([A-Za-z0-9.-]+)\/([^/]+\/[^/]+?)(\.git)?\/?$/;

/** The strict dialect of the path/repo check: no user information, ports, other users or deeper paths. Undefined when it is another dialect. */
export function parseOrigin(url: string): Origin | undefined {
  const text = url.trim();
  if (text.length > 4_096) return undefined;
  const match = SSH.exec(text) ?? HTTPS.exec(text);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { host: match[1], repo: match[2] };
}

/** The lenient dialect of the cwd hint: owner/name of any URL with a user or a scheme, or undefined. The host is not looked at. */
export function repoOfHint(url: string): string | undefined {
  const text = url
    .trim()
    .slice(0, 4_096)
    .replace(/\.git$/, "");
  const scheme = text.indexOf("://");
  let path: string;
  if (scheme >= 0) {
    const rest = text.slice(scheme + 3);
    const behindUser = rest.slice(rest.indexOf("@") + 1);
    const slash = behindUser.indexOf("/");
    if (slash < 0) return undefined;
    path = behindUser.slice(slash + 1);
  } else {
    const at = text.indexOf("@");
    const colon = at < 0 ? -1 : text.indexOf(":", at);
    if (colon < 0) return undefined;
    path = text.slice(colon + 1);
  }
  const parts = path.replace(/^\/+|\/+$/g, "").split("/");
  return parts.length === 2 && parts.every((part) => part !== "") ? parts.join("/") : undefined;
}
