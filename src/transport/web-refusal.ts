import type { HttpAnswer } from "../engine/ports.ts";
import type { Route } from "./web-route.ts";

type Answered = Extract<HttpAnswer, { readonly kind: "answered" }>;

/** A page for people where data was asked for: what proxies and logins answer, often with 200. */
function isPage(answer: Pick<Answered, "headers" | "body">): boolean {
  const type = answer.headers["content-type"] ?? "";
  if (/^\s*text\/html\b/i.test(type)) return true;
  return /^\uFEFF?\s*<(?:!doctype\s+html|html)\b/i.test(answer.body.subarray(0, 200).toString("utf8"));
}

/**
 * An answer of one of the cluster's own components that says nothing about the cluster: it does not let pawl in (401, 403), sends
 * it to a login, or gives a page instead of data (`page`: one may be what was asked for). Null: an answer to be judged.
 */
export function refusalOf(
  answer: Answered,
  way: Route,
  { hasToken, page }: { readonly hasToken: boolean; readonly page: boolean },
): HttpAnswer | null {
  const none = (code: string, reason: string): HttpAnswer => ({
    kind: "no-answer",
    code,
    reason: `${way.about} (${way.url.origin}) ${reason}`,
  });
  const { status } = answer;
  if (status === 401) return none("unauthorized", `answered 401: it wants to know who asks. ${adviceFor401(way, hasToken)}`);
  if (status === 403)
    return none(
      "forbidden",
      `answered 403: whoever pawl is there may not read ${way.url.pathname}. Give that account the right, or use another one`,
    );
  const location = answer.headers["location"] ?? "";
  if (status >= 300 && status <= 399 && /(?:^|\/)(?:login|signin|auth)\b/i.test(pathOf(location)))
    return none(
      "login-page",
      `sends to a login page (${location.slice(0, 200)}). Give a token in the inventory, http: { token: … }`,
    );
  if (status >= 200 && status <= 299 && !page && isPage(answer))
    return none("html-page", "answered with a web page instead of data: a login page, or a proxy in between");
  return null;
}

function adviceFor401(way: Route, hasToken: boolean): string {
  if (!hasToken) return "Give a token in the inventory, http: { security: …, token: … }";
  return way.authorised
    ? "It took neither the token nor a fresh one: look at the account and at which cluster the token is for"
    : "pawl sends its token over https only: see http: { security: … } in the inventory";
}

function pathOf(location: string): string {
  return URL.canParse(location, "http://x/") ? new URL(location, "http://x/").pathname : "";
}
