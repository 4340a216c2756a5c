import type { ArgvRequest, MachinePlace, PageRequest, RunRequest } from "./daemon-calls.ts";

/** Requests as the members that are written. What is empty is left out; `undefined` has no JSON. */

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function placeFields(place: MachinePlace | undefined): object {
  return place === undefined ? {} : { work_dir: nonEmpty(place.workDir), env: place.env };
}

/** By name. `params` is written even when there are none, as the original's client does. */
export function runFields({ operation, params, flags, targetRepo, timeoutSeconds, place }: RunRequest): object {
  return {
    operation,
    params: params ?? null,
    flags: flags?.length === 0 ? undefined : flags,
    target_repo: nonEmpty(targetRepo),
    timeout_seconds: timeoutSeconds,
    ...placeFields(place),
  };
}

function argvFields({ argv, targetRepo, cwd, timeoutSeconds, place }: ArgvRequest): object {
  return {
    raw_argv: argv,
    target_repo: nonEmpty(targetRepo),
    cwd_context:
      cwd === undefined ? undefined : { toplevel: cwd.toplevel, origin_url: cwd.originUrl, relative: cwd.relative },
    timeout_seconds: timeoutSeconds,
    ...placeFields(place),
  };
}

export function commandFields(request: RunRequest | ArgvRequest): object {
  return "argv" in request ? argvFields(request) : runFields(request);
}

/** The request inside of a request. Unlike `runFields`, no member that is empty. */
export function explainedFields(request: RunRequest | ArgvRequest): object {
  return "argv" in request ? argvFields(request) : { ...runFields(request), params: request.params };
}

export function pageFields(request: PageRequest): object {
  const { runId, stream, offset, line, maxLines, maxBytes, grep, contextLines, waitSeconds } = request;
  return {
    read_output: runId,
    stream,
    offset,
    line,
    max_lines: maxLines,
    max_bytes: maxBytes,
    grep,
    context_lines: contextLines,
    wait_seconds: waitSeconds,
  };
}
