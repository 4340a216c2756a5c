import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie, setCookie } from "hono/cookie";
import { CodedError } from "../../wire/errors.ts";
import type { Code } from "../../wire/codes.ts";
import { answerOf, filterOf, outputOf, projectOf, textOf } from "./answers.ts";
import type { Asset } from "./assets.ts";
import type { Desk } from "./desk.ts";
import type { Feed } from "./feed.ts";
import { PAGE_HEADERS } from "./headers.ts";
import type { Logins, PageSession } from "./logins.ts";
import { shownApproval, wholeArgv } from "./shown.ts";

const MAX_BODY_BYTES = 16_384;
/** Questions of one login that are answered at the same time; those about output wait. */
const MAX_OPEN = 16;
/** The header that carries the token of a login. */
export const TOKEN_HEADER = "x-cmd2host-page";

/** What the page is made of. */
export interface PageParts {
  /** The first part of every path: random, so that the cookie is sent to nobody else on this machine. */
  readonly name: string;
  readonly cookie: string;
  readonly desk: Desk;
  readonly feed: Feed;
  readonly logins: Logins;
  readonly assets: ReadonlyMap<string, Asset>;
  /** What was changed through the page, for the log. */
  readonly changed: (what: string, of: string) => void;
  readonly reportBug: (error: unknown) => void;
}

interface PageEnv {
  Bindings: HttpBindings;
  Variables: { session: PageSession };
}

const STATUS: Partial<Record<Code, 400 | 401 | 403 | 404>> = {
  request_invalid: 400,
  page_login_needed: 401,
  page_login_refused: 403,
  not_found: 404,
  run_unknown: 404,
  project_unknown: 404,
};

function missing(what: string): CodedError {
  return new CodedError("not_found", `This daemon has no ${what}`);
}

/** JSON of a body that says that it is JSON: forms of other pages cannot say so without being asked about it first. */
async function bodyOf(context: Context<PageEnv>): Promise<unknown> {
  const invalid = new CodedError("request_invalid", "Invalid request: a JSON body is expected");
  if (context.req.header("content-type") !== "application/json") throw invalid;
  try {
    return await context.req.json();
  } catch {
    throw invalid;
  }
}

/** The page's own requests. Whoever comes here has passed the guard. */
export function pageApp(parts: PageParts): Hono<PageEnv> {
  const { name, cookie, desk, feed, logins, assets, changed, reportBug } = parts;
  const app = new Hono<PageEnv>();
  const open = new Map<PageSession, number>();

  app.use(async (context, next) => {
    await next();
    for (const [header, value] of Object.entries(PAGE_HEADERS)) context.res.headers.set(header, value);
  });
  app.notFound((context) => context.text("There is nothing here.\n", 404));
  app.onError((error, context) => {
    if (error instanceof CodedError) {
      const { message, code, hint } = error;
      return context.json({ error: message, code, hint }, STATUS[code] ?? 409);
    }
    reportBug(error);
    return context.json({ error: "cmd2host: internal error", code: "internal", hint: "See the daemon's log." }, 500);
  });

  for (const [path, { type, bytes }] of assets) {
    app.get(`/${name}/${path}`, (context) => context.body(new Uint8Array(bytes), 200, { "Content-Type": type }));
  }

  const api = new Hono<PageEnv>();
  api.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => context.json({ error: "The request is too large", code: "request_invalid", hint: "" }, 413),
    }),
  );
  api.post("/login", async (context) => {
    const login = logins.logIn(textOf(await bodyOf(context), "code"), getCookie(context, cookie));
    changed("opened", "");
    setCookie(context, cookie, login.cookie, { httpOnly: true, sameSite: "Strict", path: `/${name}/` });
    return context.json({ token: login.token });
  });
  api.use(async (context, next) => {
    const session = logins.find(getCookie(context, cookie), context.req.header(TOKEN_HEADER));
    if (session === undefined) throw new CodedError("page_login_needed", "This page is not logged in any more");
    const now = (open.get(session) ?? 0) + 1;
    if (now > MAX_OPEN) return context.json({ error: "Too many requests at once", code: "request_invalid" }, 429);
    open.set(session, now);
    context.set("session", session);
    try {
      await next();
    } finally {
      const left = (open.get(session) ?? 1) - 1;
      if (left === 0) open.delete(session);
      else open.set(session, left);
    }
    return undefined;
  });
  api.post("/logout", async (context) => {
    await bodyOf(context);
    logins.end(context.get("session"));
    return context.json({});
  });

  api.get("/feed", (context) => {
    if (feed.connect(context.env.outgoing, context.get("session").ended.signal)) return RESPONSE_ALREADY_SENT;
    return context.json({ error: "Too many pages are open", code: "request_invalid", hint: "Close one." }, 429);
  });
  api.get("/runs/:id/output", async (context) => {
    const gone = new AbortController();
    const { outgoing } = context.env;
    const end = (): void => {
      gone.abort();
    };
    outgoing.once("close", end);
    const signal = AbortSignal.any([gone.signal, context.get("session").ended.signal]);
    try {
      return context.json(await desk.runs.output(context.req.param("id"), outputOf(context.req.query()), signal));
    } finally {
      outgoing.removeListener("close", end);
    }
  });
  api.get("/projects/:id", (context) => context.json(desk.projects.view(context.req.param("id"))));
  api.get("/decisions", async (context) => {
    if (desk.decisions === undefined) throw missing("record of decisions");
    return context.json(await desk.decisions.find(filterOf(context.req.query())));
  });
  api.get("/approvals/:id", (context) => {
    const approval = desk.approvals?.pending().find(({ id }) => id === context.req.param("id"));
    if (approval === undefined) throw new CodedError("not_found", "Nothing waits under this id any more");
    return context.json(shownApproval(approval, wholeArgv));
  });

  /** One change: done, written into the log, answered with nothing. */
  const change = (path: string, work: (id: string, body: unknown) => Promise<string> | string): void => {
    api.post(path, async (context) => {
      const body = await bodyOf(context);
      const id = context.req.param("id") ?? "";
      changed(await work(id, body), id);
      return context.json({});
    });
  };
  change("/approvals/:id", async (id, body) => {
    if (desk.approvals === undefined) throw missing("approvals");
    const answer = answerOf(body);
    await desk.approvals.answer(id, answer);
    return `answered with ${answer.kind}`;
  });
  change("/runs/:id/cancel", (id) => {
    desk.runs.cancel(id);
    return "run cancelled";
  });
  change("/tokens/:id/revoke", async (id) => {
    await desk.tokens.revoke(id);
    return "token revoked";
  });
  change("/grants/:id/revoke", async (id) => {
    if (desk.grants === undefined) throw missing("grants");
    await desk.grants.revoke(id);
    return "grant revoked";
  });
  change("/stop", async (_id, body) => {
    if (desk.stops === undefined) throw missing("kill switch");
    const project = projectOf(body);
    await desk.stops.stop(project);
    return `stopped ${project ?? "everything"}`;
  });
  change("/resume", async (_id, body) => {
    if (desk.stops === undefined) throw missing("kill switch");
    const project = projectOf(body);
    await desk.stops.resume(project);
    return `resumed ${project ?? "everything"}`;
  });

  app.route(`/${name}/api`, api);
  return app;
}
