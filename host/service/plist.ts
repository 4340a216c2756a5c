import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import type { Definition, Recipe } from "./platform.ts";

/** The launchd agent, as text: what is written, and what is read back. */

/** The original's: launchd replaces its agent by ours. */
export const LABEL = "com.user.cmd2host";

const MARK = /<!-- Written by cmd2host (\S+) \(cmd2host service install\)/;
const NOT_IN_XML = /[\u0000-\u001f\u007f\ud800-\udfff\ufffe\uffff]/;
const ENTITIES = [
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
] as const;

function text(value: string): string {
  if (NOT_IN_XML.test(value.replace(/[\ud800-\udbff][\udc00-\udfff]/g, "")))
    throw new CodedError("usage", `${quoted(value)} holds a character that a property list cannot hold`);
  return ENTITIES.reduce((escaped, [plain, entity]) => escaped.replaceAll(plain, entity), value);
}

function plain(escaped: string): string {
  return [...ENTITIES].reverse().reduce((value, [character, entity]) => value.replaceAll(entity, character), escaped);
}

function strings(values: readonly string[], indent: string): string {
  return values.map((value) => `${indent}<string>${text(value)}</string>\n`).join("");
}

/** What the property list says. Every key that could be otherwise has its reason above it. */
export function plistText({ program, environment, stopSeconds, version, logFile }: Recipe): string {
  const variables = [...environment]
    .map(([name, value]) => `      <key>${text(name)}</key>\n      <string>${text(value)}</string>\n`)
    .join("");
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by cmd2host ${version} (cmd2host service install), and written anew by each install. -->
<plist version="1.0">
  <dict>
    <key>Label</key>
    <string>${LABEL}</string>
    <key>ProgramArguments</key>
    <array>
${strings([...program, "serve"], "      ")}    </array>
    <key>EnvironmentVariables</key>
    <dict>
${variables}    </dict>
    <key>RunAtLoad</key>
    <true/>
    <!-- Started again when it fails, not when it was told to stop. -->
    <key>KeepAlive</key>
    <dict>
      <key>SuccessfulExit</key>
      <false/>
    </dict>
    <!-- Seconds before it is killed: longer than drain_timeout and kill_grace of daemon.json together. -->
    <key>ExitTimeOut</key>
    <integer>${stopSeconds}</integer>
    <!-- Agents wait for it; other kinds are slowed down. -->
    <key>ProcessType</key>
    <string>Interactive</string>
    <!-- 022, as in a shell. What is secret has a mode of its own; what operations write is read in containers, by other users. -->
    <key>Umask</key>
    <integer>18</integer>
    <!-- Tokens and answers of operations are in memory; a dump would put them on disk. -->
    <key>HardResourceLimits</key>
    <dict>
      <key>Core</key>
      <integer>0</integer>
    </dict>
    <key>StandardOutPath</key>
    <string>${text(logFile)}</string>
    <key>StandardErrorPath</key>
    <string>${text(logFile)}</string>
  </dict>
</plist>
`;
}

function within(xml: string, key: string, element: string): string {
  return new RegExp(`<key>${key}</key>\\s*<${element}>([\\s\\S]*?)</${element}>`).exec(xml)?.[1] ?? "";
}

/** What a property list says, ours or the original's; of a binary one nothing. */
export function readPlist(xml: string): Definition {
  const program = [...within(xml, "ProgramArguments", "array").matchAll(/<string>([^<]*)<\/string>/g)].map(
    ([, value = ""]) => plain(value),
  );
  const variables = within(xml, "EnvironmentVariables", "dict").matchAll(
    /<key>([^<]*)<\/key>\s*<string>([^<]*)<\/string>/g,
  );
  return {
    version: MARK.exec(xml)?.[1],
    program: program.at(-1) === "serve" ? program.slice(0, -1) : program,
    environment: new Map([...variables].map(([, name = "", value = ""]) => [plain(name), plain(value)])),
  };
}
