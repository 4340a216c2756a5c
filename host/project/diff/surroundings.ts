import type { LoadedProject } from "../compile.ts";
import { setting, word } from "../words.ts";
import { limitChanges } from "./limits.ts";
import { machineChanges } from "./machine.ts";
import { redactChanges } from "./redaction.ts";
import { changes, listDifference, narrows, widens, type Change } from "./change.ts";

function repoChanges(before: LoadedProject | undefined, after: LoadedProject): readonly Change[] {
  const old = new Map((before?.project.repos ?? []).map((repo) => [repo.name, repo]));
  const now = after.project.repos;
  const [oldPrimary, newPrimary] = [before?.project.repos[0]?.name, now[0]?.name];
  return [
    ...now.flatMap((repo): readonly Change[] => {
      const was = old.get(repo.name);
      if (was === undefined)
        return [widens(`adds repository ${repo.name} on ${word(repo.host)} at ${word(repo.path)}`)];
      return [
        ...(was.path === repo.path
          ? []
          : [widens(`path of ${repo.name} changes from ${word(was.path)} to ${word(repo.path)}`)]),
        ...(was.host === repo.host
          ? []
          : [widens(`host of ${repo.name} changes from ${word(was.host)} to ${word(repo.host)}`)]),
      ];
    }),
    ...[...old.keys()]
      .filter((name) => !now.some((repo) => repo.name === name))
      .map((name) => narrows(`removes repository ${name}`)),
    ...(oldPrimary === undefined || newPrimary === undefined || oldPrimary === newPrimary
      ? []
      : [
          changes(
            `primary repository changes from ${oldPrimary} to ${newPrimary}; tokens minted for ${oldPrimary} stop working`,
          ),
        ]),
  ];
}

function constraintChanges(before: LoadedProject | undefined, after: LoadedProject): readonly Change[] {
  const [old, now] = [before?.config.constraints ?? {}, after.config.constraints ?? {}];
  const branches = listDifference(old.branch_allow ?? [], now.branch_allow ?? []);
  const paths = listDifference(old.path_deny ?? [], now.path_deny ?? []);
  const hosts = listDifference(old.remote_hosts_allow ?? [], now.remote_hosts_allow ?? []);
  return [
    ...branches.added.map((source) => widens(`allows pushes to branches that match ${word(source)}`)),
    ...branches.removed.map((source) => narrows(`no longer allows pushes to branches that match ${word(source)}`)),
    ...paths.removed.map((source) => widens(`no longer denies paths that match ${word(source)}`)),
    ...paths.added.map((source) => narrows(`denies paths that match ${word(source)}`)),
    ...hosts.added.map((host) => widens(`adds remote host ${word(host)}`)),
    ...hosts.removed.map((host) => narrows(`removes remote host ${word(host)}`)),
  ];
}

type Show = (name: string, value: string) => string;

function mapChanges(
  kind: string,
  before: Readonly<Record<string, string>> | undefined,
  after: Readonly<Record<string, string>> | undefined,
  show: Show,
): readonly Change[] {
  const [old, now] = [new Map(Object.entries(before ?? {})), new Map(Object.entries(after ?? {}))];
  return [
    ...[...now].flatMap(([name, value]): readonly Change[] => {
      const was = old.get(name);
      if (was === value) return [];
      return [widens(was === undefined ? `sets ${kind} ${show(name, value)}` : `changes ${kind} ${show(name, value)}`)];
    }),
    ...[...old.keys()].filter((name) => !now.has(name)).map((name) => widens(`no longer sets ${kind} ${word(name)}`)),
  ];
}

/** Changes of everything that is not an operation. */
export function surroundingChanges(before: LoadedProject | undefined, after: LoadedProject): readonly Change[] {
  const unsafe = listDifference(before?.config.env_unsafe ?? [], after.config.env_unsafe ?? []);
  return [
    ...unsafe.added.map((name) => widens(`adds env_unsafe ${word(name)}`)),
    ...unsafe.removed.map((name) => narrows(`removes env_unsafe ${word(name)}`)),
    ...repoChanges(before, after),
    ...machineChanges(before?.project.machine, after.project.machine),
    ...constraintChanges(before, after),
    ...redactChanges("", before?.config.redact, after.config.redact),
    ...mapChanges("env", before?.config.env, after.config.env, setting),
    ...mapChanges("git_config", before?.config.git_config, after.config.git_config, setting),
    ...limitChanges("a session", before?.project.sessionLimits, after.project.sessionLimits),
  ];
}
