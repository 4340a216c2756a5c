import { mayPush } from "../compile.ts";
import { gitWords, programName } from "../push.ts";
import type { Operation } from "../types.ts";
import { flagAccepts, valueAccepts } from "./accepts.ts";

/**
 * Which operations plainly change something, by the words of their templates. Sources: the manuals of git, gh and the AWS CLI. Never complete: what is
 * not found here may still write.
 */

const GIT_WRITES = new Set(
  [
    "add am apply bisect checkout cherry-pick clean clone commit commit-tree config fast-import fetch filter-branch gc init",
    "lfs merge mv notes prune pull push read-tree rebase remote repack replace reset restore revert rm send-pack stash",
    "submodule subtree switch symbolic-ref update-index update-ref worktree write-tree",
  ].flatMap((line) => line.split(" ")),
);
/** Subcommands that list with these options, and change something without them as soon as a name stands there. */
const GIT_LISTS = new Set(["branch", "tag"]);
const GIT_LISTING =
  /^(?:-l|-a|-r|-v|-vv|--list|--all|--remotes|--show-current|--(?:no-)?(?:contains|merged)|--points-at)(?:=|$)/;
const GIT_CHANGING =
  /^(?:-[dDmMcCfu]|--(?:delete|move|copy|force|set-upstream-to|unset-upstream|edit-description|annotate|sign))(?:=|$)/;

/** The second word of gh's commands: `gh pr merge`. */
const GH_WRITES = new Set(
  [
    "add approve archive cancel checkout clear clone close comment copy create delete develop disable edit enable fork import",
    "install item-add item-archive item-create item-delete item-edit link lock mark-template merge pin ready rebuild remove",
    "rename reopen rerun review revert run set setup-git sync transfer unarchive unlink unlock unpin update update-branch upgrade upload",
  ].flatMap((line) => line.split(" ")),
);
const GH_METHOD = new Set(["-X", "--method"]);
/** With any of these `gh api` posts, unless it is told to get. */
const GH_FIELDS = new Set(["-f", "-F", "--field", "--raw-field", "--input"]);

const AWS_S3_WRITES = new Set(["cp", "mv", "rm", "sync", "mb", "rb", "website"]);
const AWS_WRITES = new RegExp(
  `^(?:${[
    "accept|add|allocate|apply|approve|assign|associate|attach|authorize|batch-(?:delete|put|write)|cancel|change|complete|copy|create",
    "delete|deploy|deregister|detach|disable|disassociate|enable|execute|import|initiate|invoke|merge|modify|move|publish|purge|put",
    "reboot|register|reject|release|remove|replace|request|reset|restore|resume|revoke|rotate|run|scale|schedule|send|set|start|stop",
    "suspend|swap|tag|terminate|transact-write|untag|update|upgrade|upload|write",
  ].join("|")})(?:-|$)`,
);
/** Queries that are started, and change nothing. */
const AWS_QUERIES = new Set(["start-query", "start-live-tail"]);

const PROGRAMS =
  /^(?:rm|rmdir|mv|cp|ln|mkdir|mktemp|touch|tee|dd|truncate|shred|install|chmod|chown|chgrp|unlink|mkfifo|kill|pkill|killall|reboot|shutdown)$/;
/** Programs with subcommands. */
const SUBCOMMANDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    kubectl:
      "annotate apply autoscale cordon cp create delete drain edit exec expose label patch replace rollout run scale set taint",
    docker:
      "build commit cp create exec import kill load login pause pull push rename restart rm rmi run start stop tag update",
    podman:
      "build commit cp create exec import kill load login pause pull push rename restart rm rmi run start stop tag update",
    helm: "install rollback uninstall upgrade push",
    terraform: "apply destroy import init taint untaint",
    tofu: "apply destroy import init taint untaint",
    npm: "ci install i publish unpublish uninstall update deprecate dist-tag version",
    systemctl: "disable enable kill mask reload restart start stop",
  }).map(([name, words]) => [name, new Set(words.split(" "))]),
);

type Texts = readonly string[];

function gitWrite(operation: Operation, texts: Texts): boolean {
  if (mayPush(operation)) return true;
  const [head = "", ...rest] = gitWords(operation.command, texts) ?? [];
  if (GIT_WRITES.has(head)) return true;
  if (!GIT_LISTS.has(head)) return false;
  const words = [...rest, ...operation.flags.keys()];
  if (words.some((word) => GIT_CHANGING.test(word))) return true;
  return !rest.some((word) => GIT_LISTING.test(word)) && rest.some((word) => !word.startsWith("-"));
}

/** True when what stands at `index` could be `text`. */
function couldBe(operation: Operation, index: number, text: string): boolean {
  const element = operation.template[index];
  if (element?.kind === "literal") return element.text.toUpperCase() === text;
  const rule = element?.kind === "whole" ? operation.params.get(element.name) : undefined;
  return rule === undefined || valueAccepts(rule, text);
}

/** True when `gh api` may be told another method than GET, or is told none and has something to post. */
function ghApiWrite(operation: Operation, texts: Texts): boolean {
  const flags = [...operation.flags.values()];
  if (flags.some((spec) => GH_METHOD.has(spec.flag) && flagAccepts(spec, "POST"))) return true;
  const at = texts.findIndex((text) => GH_METHOD.has(text));
  if (at >= 0) return ["POST", "PUT", "PATCH", "DELETE"].some((method) => couldBe(operation, at + 1, method));
  const written = texts.flatMap((text) => /^(?:--method=|-X=?)(.+)$/.exec(text)?.[1] ?? []);
  if (written.length > 0) return written.some((method) => method.toUpperCase() !== "GET");
  return [...texts.map((text) => text.split("=", 1)[0] ?? text), ...flags.map(({ flag }) => flag)].some((word) =>
    GH_FIELDS.has(word),
  );
}

function ghWrite(operation: Operation, texts: Texts): boolean {
  const [noun, verb = ""] = texts;
  return noun === "api" ? ghApiWrite(operation, texts) : GH_WRITES.has(verb);
}

function awsWrite(texts: Texts): boolean {
  const [service, verb = ""] = texts.filter((text) => !text.startsWith("-"));
  // A copy to standard output writes no file.
  if (service === "s3") return AWS_S3_WRITES.has(verb) && !(verb === "cp" && texts.at(-1) === "-");
  return AWS_WRITES.test(verb) && !AWS_QUERIES.has(verb);
}

/** What an operation plainly changes, in words that go with "it"; undefined when nothing is known. */
export function plainWrite(operation: Operation): string | undefined {
  const texts = operation.template.map(({ text }) => text);
  const name = programName(operation.command);
  const said = `runs ${[name, ...texts.slice(0, 2)].join(" ")}`;
  if (gitWords(operation.command, texts) !== undefined) return gitWrite(operation, texts) ? said : undefined;
  if (name === "gh" && ghWrite(operation, texts)) return said;
  if (name === "aws" && awsWrite(texts)) return said;
  if (PROGRAMS.test(name)) return `runs ${name}`;
  if (SUBCOMMANDS.get(name)?.has(texts.find((text) => !text.startsWith("-")) ?? "") === true) return said;
  return [...operation.params.values()].some(({ direction }) => direction === "output")
    ? "writes a file into the workspace"
    : undefined;
}
