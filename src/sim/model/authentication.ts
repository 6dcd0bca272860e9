import type { SimHttpAnswer, SimHttpRequest } from "../ports.ts";
import { answer } from "./http.ts";
import type { Model } from "./state.ts";

/** Paths that stay open with `--authenticate_http_readonly` (mesos-real.md, 16). */
const OPEN = new Set(["health", "version", "redirect"]);

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): SimHttpAnswer {
  return answer(status, "text/plain; charset=utf-8", body, headers);
}

/** The refusal of a master that asks for credentials, as recorded (auth-enabled); null: the request may go on. */
export function refusedAccess(model: Model, path: string, request: SimHttpRequest): SimHttpAnswer | null {
  const wanted = model.authentication;
  if (wanted === null || OPEN.has(path)) return null;
  const given = Object.entries(request.headers).find(([name]) => name.toLowerCase() === "authorization")?.[1];
  const right = `Basic ${Buffer.from(`${wanted.principal}:${wanted.secret}`).toString("base64")}`;
  if (given !== right) {
    const realm = path === "maintenance/schedule" || request.method !== "GET" ? "readwrite" : "readonly";
    return text(401, "401 Unauthorized.", { "WWW-Authenticate": `Basic realm="mesos-master-${realm}"` });
  }
  return path === "metrics/snapshot" && !wanted.metrics ? text(403, "403 Forbidden.") : null;
}
