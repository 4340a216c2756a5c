import { CodedError } from "../../../wire/errors.ts";
import { parseLocalRequest } from "../../../host/git/request/local-request.ts";
import { parseRemoteRequest, type RemoteRequest } from "../../../host/git/request/remote-request.ts";
import { pushOf } from "../../../host/project/push.ts";
import { isRefName } from "../../../host/util/ref-name.ts";
import { attempt, demand, type Target } from "../engine/target.ts";

const URL = "git@github.com:owner/repo.git";

/** What git may be told, written down a second time. */
const ALLOWED: Readonly<Record<RemoteRequest["kind"], RegExp>> = {
  push: /^(?:-[qvn46]|--(?:quiet|verbose|(?:no-)?progress|ipv[46]|no-verify|dry-run|porcelain|(?:no-)?(?:atomic|thin)|no-follow-tags|no-signed|signed=(?:no|false)|no-recurse-submodules|recurse-submodules=no|no-force-with-lease|no-force-if-includes|push-option=[^]*))$/,
  fetch:
    /^(?:-[qvn46]|--(?:quiet|verbose|(?:no-)?progress|ipv[46]|no-prune|no-tags|dry-run|atomic|no-recurse-submodules|recurse-submodules=no|no-write-fetch-head|no-auto-gc|no-auto-maintenance|porcelain))$/,
  "ls-remote": /^(?:-[qt]|--(?:quiet|heads|branches|tags|refs|exit-code|symref|sort=-?[a-z:]+))$/,
};

/** What git would be started with for a push; the same as in host/git/room/push.ts. */
function pushArguments(request: RemoteRequest & { kind: "push" }, words: readonly string[]): readonly string[] {
  const { force, branch, options, lease, source } = request;
  const with_lease =
    lease === undefined ? [] : [`--force-with-lease=refs/heads/${branch}:${lease.expected ?? "0".repeat(40)}`];
  const from = source === "" ? "" : `refs/heads/${branch}`;
  demand(words[0] === "push", "pushes though it was told something else", words);
  return [
    "push",
    "--no-verify",
    ...options,
    ...with_lease,
    "--",
    URL,
    `${force ? "+" : ""}${from}:refs/heads/${branch}`,
  ];
}

function checkPush(request: RemoteRequest & { kind: "push" }, words: readonly string[]): void {
  demand(isRefName(`refs/heads/${request.branch}`), "pushes to what is no branch", request);
  const { lease } = request;
  demand(
    lease?.expected === undefined || /^(?:[0-9a-f]{40}|[0-9a-f]{64}|)$/.test(lease.expected),
    "a lease on what is no object",
    request,
  );
  // The policy sees the words that were asked for; git gets others. Both have to mean the same branch.
  const asked = pushOf("git", words);
  demand(asked.kind !== "none", "pushes what the policy takes for no push", { words, request });
  if (asked.kind === "branches")
    demand(asked.branches.length === 1 && asked.branches[0] === request.branch, "pushes to another branch", {
      asked,
      request,
    });
  const run = pushOf("git", pushArguments(request, words));
  demand(run.kind === "branches" && run.branches.join() === request.branch, "git is told another branch", {
    run,
    request,
  });
}

function checkFetch(request: RemoteRequest & { kind: "fetch" }): void {
  demand(/^refs\/remotes\/[^/]+\/$/.test(request.prefix), "writes elsewhere than below a remote", request);
  for (const { source, destination } of request.specs) {
    const rest = destination.slice(request.prefix.length).replace("*", "x");
    demand(destination.startsWith(request.prefix) && rest !== "", "writes outside of the prefix", request);
    for (const side of [source, destination])
      demand(isRefName(side.replace("*", "x")), "has a side that is no ref", request);
    demand(source.includes("*") === destination.includes("*"), "has one star", request);
  }
}

const SUBCOMMANDS = ["push", "fetch", "ls-remote"];

/** Words of a git command line, one a line: only known options, and the branch that the policy saw. */
export const remoteRequest: Target = {
  name: "remote-request",
  modules: ["host/git/request/", "host/project/push.ts", "host/util/ref-name.ts"],
  tokens: [
    ...[
      "push\n",
      "fetch\n",
      "ls-remote\n",
      "main:refs/heads/main",
      "+HEAD:refs/heads/",
      "refs/heads/*:refs/remotes/origin/*",
    ],
    ...[
      "--force-with-lease=main:",
      "a".repeat(40),
      "--push-option\nx",
      "--push-option\nx:refs/heads/y",
      "-o\nx:refs/heads/y",
      "-o\nx",
      "-oci",
      "--\n",
      "--end-of-options\n",
    ],
    ...["--upload-pack=x", "--receive-pack=x", "--exec=x", "--mirror", "--all", "--tags", "--prune", "--delete", "-d"],
    ...[
      "--repo=x",
      "--fo",
      "--pru",
      "refs/remotes/",
      "refs/heads/",
      "@{",
      "..",
      "^",
      ".lock",
      "\u0130",
      "tag\n",
      "-fu",
    ],
  ],
  separator: "\n",
  seeds: [
    "push\n--no-verify\nmain:refs/heads/main",
    "push\n-o\nci.skip\n--force-with-lease=main:\n+HEAD:refs/heads/main",
    "fetch\n-p\n+refs/heads/*:refs/remotes/origin/*",
    "fetch\nmain\ndev:refs/remotes/origin/dev",
    "ls-remote\n--heads\n--sort=-v:refname\nmain",
    "status\n--short",
  ],
  maxBytes: 512,
  start: () => ({
    check: (input) => {
      const [subcommand = "", ...rest] = input.toString("utf8").split("\n");
      const words = [subcommand, URL, ...rest];
      const parsed = attempt(() => parseRemoteRequest(words));
      if (parsed.ok) {
        const { value } = parsed;
        demand(value.kind === subcommand, "is something else than was asked for", value);
        const wrong = value.options.find((option) => !ALLOWED[value.kind].test(option));
        demand(wrong === undefined, "lets an option through", wrong);
        if (value.kind === "push") checkPush(value, words);
        if (value.kind === "fetch") checkFetch(value);
      } else {
        demand(parsed.error instanceof CodedError, "throws something else", String(parsed.error));
        demand(parsed.error.code === "git_unsupported", "has another code", parsed.error.code);
      }
      const local = attempt(() => parseLocalRequest([subcommand, ...rest], "/repo"));
      if (!local.ok) demand(local.error instanceof CodedError, "throws something else", String(local.error));
      else demand(!SUBCOMMANDS.includes(local.value.subcommand), "takes a remote command for a local one", local.value);
    },
  }),
};
