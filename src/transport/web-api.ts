import type { ApiVersions, HttpAnswer } from "../engine/ports.ts";
import type { Failure } from "./failure.ts";

/** What stands before every path of a server. */
export type Prefix = { readonly kind: "known"; readonly prefix: string } | ({ readonly kind: "failed" } & Failure);

/** The API version of each server, asked once per connection that is made. */
export interface ApiPrefixes {
  of(origin: string, api: ApiVersions, ask: () => Promise<HttpAnswer>): Promise<Prefix>;
  /** The server may be another one now: it is asked again before the next request. */
  forget(origin: string): void;
}

/** Remembers versions by origin; questions about one origin that come at once share one answer. */
export function createApiPrefixes(): ApiPrefixes {
  const known = new Map<string, Promise<Prefix>>();
  return {
    of(origin, api, ask) {
      const before = known.get(origin);
      if (before !== undefined) return before;
      const asking = ask().then((answer) => read(api, answer));
      // Set once it is there: the connection that is made for the question itself forgets nothing.
      void asking.then(
        (prefix) => {
          if (prefix.kind === "failed") known.delete(origin);
          else known.set(origin, asking);
        },
        () => known.delete(origin),
      );
      known.set(origin, asking);
      return asking;
    },
    forget: (origin) => void known.delete(origin),
  };
}

function read(api: ApiVersions, answer: HttpAnswer): Prefix {
  if (answer.kind === "no-answer") return { kind: "failed", code: answer.code, reason: answer.reason };
  const failed = (observed: string): Prefix => ({
    kind: "failed",
    code: "api-version",
    reason: `${answer.url}: no version of the API that both speak: pawl speaks ${api.speaks}, ${observed}`,
  });
  if (answer.status < 200 || answer.status > 299) return failed(`the server answered ${String(answer.status)}`);
  const body = answer.body.toString("utf8");
  const prefix = api.prefix(body);
  return prefix === null ? failed(`the server says ${body.slice(0, 200)}`) : { kind: "known", prefix };
}
