import type { JSX } from "preact";
import type { Grant, TokenRow } from "../host/page/desk.ts";
import { wholeWords } from "./argv-words.ts";
import { Argv } from "./argv.tsx";
import { Badge, CommandLine, Confirmed, Empty } from "./parts.tsx";
import { useStore } from "./store.ts";
import { Shown, spoken } from "./text.tsx";
import { ago, count, duration } from "./words.ts";

interface TokenProps {
  readonly token: TokenRow;
}

function TokenLine({ token }: TokenProps): JSX.Element {
  const store = useStore();
  const now = store.now.value;
  const { id, session, project, repo, label, createdAt, expiresAt, state } = token;
  const isValid = state === "valid" && expiresAt > now;
  return (
    <li class="access-row">
      <div>
        <strong>
          <Shown text={session} most={32} mono />
        </strong>{" "}
        {isValid ? (
          <Badge tone="good">{duration(expiresAt - now)} left</Badge>
        ) : (
          <Badge tone="plain">{state === "valid" ? "expired" : state}</Badge>
        )}
        <span class="project">
          <Shown text={project === "" ? repo : project} most={80} />
        </span>
        <span class="hint">
          made {ago(createdAt, now)}
          {label === "" ? undefined : (
            <>
              , <Shown text={label} most={80} />
            </>
          )}
        </span>
      </div>
      <Confirmed
        label={`Revoke the token of session ${spoken(session)}`}
        question="Ends its runs."
        yes="Revoke"
        onYes={() => {
          void store.attempt(
            async () => store.calls.change(`tokens/${encodeURIComponent(id)}/revoke`),
            `The token of session ${spoken(session)} is revoked`,
          );
        }}
      >
        Revoke
      </Confirmed>
    </li>
  );
}

interface GrantProps {
  readonly grant: Grant;
}

function GrantLine({ grant }: GrantProps): JSX.Element {
  const store = useStore();
  const now = store.now.value;
  const { id, kind, project, operation, session, argv, grantedAt, expiresAt, by, uses } = grant;
  return (
    <li class="access-row">
      <div>
        <strong>
          <Shown text={operation} most={64} mono />
        </strong>{" "}
        <Badge tone={kind === "call" ? "plain" : "careful"}>{kind === "call" ? "one call" : "every call"}</Badge>
        <span class="project">
          <Shown text={project} most={80} />
        </span>
        <span class="hint">
          session <Shown text={session} most={32} mono />, by <Shown text={by} most={40} /> {ago(grantedAt, now)}, used{" "}
          {count(uses, "time")},{" "}
          {expiresAt === undefined ? "until the session ends" : `${duration(expiresAt - now)} left`}
        </span>
        {argv === undefined ? undefined : (
          <Argv argv={wholeWords(argv)} label={`What ${spoken(operation)} may run as`} />
        )}
      </div>
      <Confirmed
        label={`Revoke the grant for ${spoken(operation)}`}
        question="It will be asked for again."
        yes="Revoke"
        onYes={() => {
          void store.attempt(
            async () => store.calls.change(`grants/${encodeURIComponent(id)}/revoke`),
            `The grant for ${spoken(operation)} is revoked`,
          );
        }}
      >
        Revoke
      </Confirmed>
    </li>
  );
}

function Grants(): JSX.Element | null {
  const { board } = useStore();
  const { grants } = board.value;
  if (grants === undefined) return null;
  return (
    <section aria-labelledby="grants">
      <h2 id="grants">
        Grants <span class="count">{grants.length}</span>
      </h2>
      <p class="hint">Answers of yours that are remembered.</p>
      {grants.length === 0 ? <Empty>Nothing is allowed beyond the configurations.</Empty> : undefined}
      <ul>
        {grants.map((grant) => (
          <GrantLine key={grant.id} grant={grant} />
        ))}
      </ul>
    </section>
  );
}

/** Who can ask for something, and what was allowed to them besides. */
export function Access(): JSX.Element {
  const { board } = useStore();
  const tokens = board.value.tokens ?? [];
  return (
    <div class="access">
      <section aria-labelledby="tokens">
        <h2 id="tokens" tabIndex={-1}>
          Tokens <span class="count">{tokens.length}</span>
        </h2>
        <p class="hint">One for each session. A token itself is not kept and cannot be shown.</p>
        {tokens.length === 0 ? (
          <Empty>
            No session has a token: <CommandLine text="cmd2host token mint" />
          </Empty>
        ) : undefined}
        <ul>
          {tokens.map((token) => (
            <TokenLine key={token.id} token={token} />
          ))}
        </ul>
      </section>
      <Grants />
    </div>
  );
}
