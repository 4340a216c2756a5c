import { describe, expect, it } from "vitest";
import { refusalOf, type Knock, type PagePlace } from "../../host/page/guard.ts";

const PLACE: PagePlace = { kind: "tcp", host: "127.0.0.1", port: 40_000 };
const SOCKET: PagePlace = { kind: "unix", path: "/x/page.sock" };

function knock(method: string, headers: Readonly<Record<string, string>>, url = "/name/"): Knock {
  const small = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { method, url, headers: small, rawHeaders: Object.entries(headers).flat() };
}

const HOST = { Host: "127.0.0.1:40000" };
const OWN = {
  ...HOST,
  Origin: "http://127.0.0.1:40000",
  "Sec-Fetch-Site": "same-origin",
  "Sec-Fetch-Mode": "cors",
  "Sec-Fetch-Dest": "empty",
};
const NAVIGATION = { ...HOST, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };

describe("the guard of the page", () => {
  it("lets the page's own requests through", () => {
    expect(refusalOf(knock("POST", OWN), PLACE)).toBeUndefined();
    expect(refusalOf(knock("GET", OWN), PLACE)).toBeUndefined();
    expect(refusalOf(knock("GET", HOST), PLACE)).toBeUndefined();
  });

  it.each(["none", "same-origin", "cross-site"])(
    "lets a tab navigate to it from %s: it gets nothing but the empty page",
    (site) => {
      expect(refusalOf(knock("GET", { ...NAVIGATION, "Sec-Fetch-Site": site }), PLACE)).toBeUndefined();
    },
  );

  it.each([
    ["a name that was pointed here", { Host: "evil.example:40000" }],
    ["another port", { Host: "127.0.0.1:9876" }],
    ["no port", { Host: "127.0.0.1" }],
    ["localhost, whose cookies are shared with others", { Host: "localhost:40000" }],
    ["a name that ends like ours", { Host: "127.0.0.1:40000.evil.example" }],
    ["nothing", { Host: "" }],
  ])("refuses a Host of %s", (_what, host) => {
    expect(refusalOf(knock("GET", { ...OWN, ...host }), PLACE)?.status).toBe(421);
  });

  it.each([
    ["another site", { Origin: "https://evil.example" }],
    ["another port of this machine", { Origin: "http://127.0.0.1:3000" }],
    ["https", { Origin: "https://127.0.0.1:40000" }],
    ["a sandboxed frame or a file", { Origin: "null" }],
  ])("refuses whatever comes from %s", (_what, origin) => {
    expect(refusalOf(knock("POST", { ...OWN, ...origin }), PLACE)?.status).toBe(403);
    expect(refusalOf(knock("GET", { ...OWN, ...origin }), PLACE)?.status).toBe(403);
  });

  it("refuses a change without an Origin", () => {
    expect(refusalOf(knock("POST", HOST), PLACE)?.status).toBe(403);
  });

  it.each(["cross-site", "same-site", "none"])(
    "refuses what is loaded from %s without an Origin, as an image or a script",
    (site) => {
      const image = { ...HOST, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image" };
      expect(refusalOf(knock("GET", image), PLACE)?.status).toBe(403);
    },
  );

  it("refuses a form, a frame and a fetch without CORS, even if the Origin were ours", () => {
    const form = { ...OWN, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
    expect(refusalOf(knock("POST", form), PLACE)?.status).toBe(403);
    const frame = {
      ...HOST,
      "Sec-Fetch-Site": "same-origin",
      "Sec-Fetch-Mode": "navigate",
      "Sec-Fetch-Dest": "iframe",
    };
    expect(refusalOf(knock("GET", frame), PLACE)?.status).toBe(403);
    expect(refusalOf(knock("POST", { ...OWN, "Sec-Fetch-Mode": "no-cors" }), PLACE)?.status).toBe(403);
  });

  it.each(["OPTIONS", "HEAD", "PUT", "DELETE", "TRACE", "CONNECT", "PATCH"])(
    "refuses %s, so that no other page is told that it may ask",
    (method) => {
      expect(refusalOf(knock(method, OWN), PLACE)?.status).toBe(405);
    },
  );

  it.each(["http://127.0.0.1:40000/name/", "//evil.example/", "*", ""])("refuses the address %j", (url) => {
    expect(refusalOf(knock("GET", HOST, url), PLACE)?.status).toBe(400);
  });

  it("refuses a Host or an Origin that is given twice", () => {
    const twice = (name: string, value: string): Knock => {
      const one = knock("POST", OWN);
      return { ...one, rawHeaders: [...one.rawHeaders, name, value] };
    };
    expect(refusalOf(twice("host", "evil.example"), PLACE)?.status).toBe(400);
    expect(refusalOf(twice("Origin", "http://evil.example"), PLACE)?.status).toBe(400);
  });

  it.each(["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"])(
    "behind a socket takes what forwards to it as %s",
    (host) => {
      expect(refusalOf(knock("POST", { ...OWN, Host: host, Origin: `http://${host}` }), SOCKET)).toBeUndefined();
      expect(refusalOf(knock("POST", { ...OWN, Host: host, Origin: "http://localhost:1" }), SOCKET)?.status).toBe(403);
    },
  );

  it.each(["evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "[::2]:80"])(
    "behind a socket refuses %s",
    (host) => {
      expect(refusalOf(knock("GET", { Host: host }), SOCKET)?.status).toBe(421);
    },
  );
});
