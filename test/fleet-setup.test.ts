import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadGateway } from "../gateway/config/load.ts";
import { COMMANDS } from "../host/cli/index.ts";
import { requireTools, toolPath } from "./fixtures/backends/present.ts";
import { projectRoot, tempDirectory } from "./fixtures/temp.ts";

/** What docs/fleet-setup.md shows is what there is. */
const text = readFileSync(join(projectRoot, "docs/fleet-setup.md"), "utf8");

function blocks(language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(([, body = ""]) => body);
}

/** Every command line of the page: lines of shell blocks, and what stands between backquotes. */
function lines(): readonly string[] {
  const shown = blocks("sh").flatMap((block) => block.split("\n"));
  const spans = [...text.replaceAll(/^```[^]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
  return [...shown, ...spans].map((line) => line.replace(/ +#.*$/, "").trim());
}

const NAMES = COMMANDS.map(({ path }) => path.join(" "));

/** What is wrong with a command line of cmd2host; undefined: nothing. */
function fault(line: string): string | undefined {
  const words = line.split(/\s+/).slice(1);
  const length = [2, 1].find((count) => NAMES.includes(words.slice(0, count).join(" ")));
  if (length === undefined) return `no command: ${line}`;
  const { options } = COMMANDS[NAMES.indexOf(words.slice(0, length).join(" "))] ?? { options: {} };
  const strange = words
    .slice(length)
    .filter((word) => word.startsWith("--"))
    .map((word) => word.slice(2).split("=")[0] ?? "")
    .filter((name) => !(name in options));
  return strange.length === 0 ? undefined : `no option ${strange.join(", ")}: ${line}`;
}

describe("docs/fleet-setup.md", () => {
  it("shows command lines that are understood", () => {
    const own = lines().filter((line) => /^cmd2host [a-z]/.test(line));
    expect(own.length).toBeGreaterThan(20);
    expect(own.map(fault).filter((one) => one !== undefined)).toEqual([]);
    expect(fault("cmd2host fleet explode")).toContain("no command");
    expect(fault("cmd2host fleet key --quick")).toContain("no option quick");
  });

  it("shows scripts with options that they have", () => {
    const scripts = lines().filter((line) => /^(?:sh )?install-\w+\.sh /.test(line));
    expect(scripts.length).toBeGreaterThanOrEqual(2);
    for (const line of scripts) {
      const name = /install-\w+\.sh/.exec(line)?.[0] ?? "";
      const script = readFileSync(join(projectRoot, "scripts", name), "utf8");
      for (const [option] of line.matchAll(/--[a-z-]+/g))
        expect([name, option, script.includes(`  ${option}`)]).toEqual([name, option, true]);
    }
    const npm = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { scripts: object };
    for (const [, name = ""] of text.matchAll(/`npm run ([a-z:-]+)/g))
      expect([name, name in npm.scripts]).toEqual([name, true]);
    for (const [path] of text.matchAll(/containers\/[A-Za-z/.]+[A-Za-z]/g))
      expect([path, existsSync(join(projectRoot, path))]).toEqual([path, true]);
  });

  it("shows parts of gateway.toml that load without a word", () => {
    const shown = blocks("toml");
    expect(shown.length).toBeGreaterThanOrEqual(2);
    for (const block of shown) {
      const file = join(tempDirectory(), "gateway.toml");
      writeFileSync(
        file,
        `${block}\n[[callers]]\nname = "x"\ntargets = ["**"]\noperations = ["**"]\nkey_sha256 = "${"a1".repeat(32)}"\n`,
        { mode: 0o600 },
      );
      const given = { transport: undefined, bind: undefined, port: undefined, cacheDir: undefined };
      expect(loadGateway(file, { env: {}, given, now: Date.now }).warnings).toEqual([]);
    }
  });

  it.runIf(requireTools(["nginx", "openssl"]))("shows a configuration that nginx takes", () => {
    const directory = tempDirectory();
    const files = ["-keyout", join(directory, "key.pem"), "-out", join(directory, "fullchain.pem")];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"];
    spawnSync("openssl", ["req", "-x509", ...kind, ...files]);
    const check = (block: string) => {
      const site = block
        .replaceAll("/etc/ssl/gateway", directory)
        .replace("listen 443", `listen unix:${directory}/socket`);
      const logs = `pid ${directory}/pid; error_log stderr;`;
      const main = `${logs} events {} http { access_log off; client_body_temp_path ${directory}; proxy_temp_path ${directory}; ${site} }`;
      writeFileSync(join(directory, "nginx.conf"), main);
      return spawnSync(toolPath("nginx"), ["-t", "-q", "-c", join(directory, "nginx.conf"), "-p", directory], {
        encoding: "utf8",
      });
    };
    const [block = ""] = blocks("nginx");
    const { status, stderr } = check(block);
    expect([status, stderr.split("\n").filter((line) => line.includes("[emerg]"))]).toEqual([0, []]);
    expect(check(block.replace("proxy_buffering off;", "proxy_buffering perhaps;")).status).not.toBe(0);
    // Without any of these it does not pass on what the gateway says as it comes.
    for (const line of [
      "proxy_http_version 1.1;",
      "proxy_buffering off;",
      "proxy_request_buffering off;",
      "Upgrade $http_upgrade;",
    ])
      expect(block).toContain(line);
  });
});
