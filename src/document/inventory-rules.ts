import { plainAddress } from "../domain/inventory.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import { quoted, type Complaint, type Path } from "./complaint.ts";
import { complaintAt } from "./issues.ts";
import type { Parsed } from "./tree.ts";
import { exactlyOne, isRecord, list, record, repeated } from "./rule-parts.ts";

/**
 * What a schema cannot say: things that must be unique, that must fit each other, that name each other. The functions read
 * the plain data and ignore whatever has the wrong form, so that these complaints appear together with the schema's.
 */
export function inventoryRules(parsed: Parsed): readonly Complaint[] {
  const root = record(parsed.value);
  const nodes = list(root["nodes"]).map(record);
  const commonPort = record(root["ssh"])["port"];
  const portOf = (node: JsonRecord): string => JSON.stringify(record(node["ssh"])["port"] ?? commonPort ?? 22);
  const at = (index: number, key: string): Path => ["nodes", index, key];
  return [
    ...repeated(
      parsed,
      nodes.map((node, index) => ({ path: at(index, "name"), value: node["name"] })),
      (value) => `the node name ${quoted(value)} is taken`,
    ),
    ...repeated(
      parsed,
      nodes.map((node, index) => ({
        path: at(index, "address"),
        value: typeof node["address"] === "string" ? `${machineAt(node["address"])} port ${portOf(node)}` : null,
      })),
      (value) => `another node answers at ${value}`,
    ),
    ...httpRules(parsed, root["http"]),
    ...answerRules(parsed, list(root["answers"]).map(record)),
  ];
}

/** Two answers to one question would leave open which holds. */
function answerRules(parsed: Parsed, answers: readonly JsonRecord[]): readonly Complaint[] {
  return repeated(
    parsed,
    answers.map(({ question, subject }, index) => ({
      path: ["answers", index, "question"],
      value: typeof question === "string" ? `${question}${typeof subject === "string" ? ` about ${subject}` : ""}` : null,
    })),
    (value) => `there is another answer to ${quoted(value)}`,
  );
}

/** Two spellings of an IPv6 address, and of a host name, are one machine: counted twice it would be a quorum of its own. */
function machineAt(address: string): string {
  return plainAddress(address).toLowerCase();
}

/** One source of a token, one place of the front door, and no token where it could be read on the way. */
function httpRules(parsed: Parsed, http: Json | undefined): readonly Complaint[] {
  if (!isRecord(http)) return [];
  const { token, security, "admin-router": router } = http;
  const complaints: Complaint[] = [];
  if (isRecord(router)) complaints.push(...exactlyOne(parsed, ["http", "admin-router"], router, ["port", "url"]));
  if (isRecord(token)) {
    const path: Path = ["http", "token"];
    complaints.push(...exactlyOne(parsed, path, token, ["file", "env", "uid"]));
    if ("uid" in token) complaints.push(...exactlyOne(parsed, path, token, ["password-file", "private-key"]));
    for (const key of ["password-file", "private-key"])
      if (key in token && !("uid" in token))
        complaints.push(complaintAt(parsed, [...path, key], `\`${key}\` belongs to \`uid\``));
    if ((security ?? "disabled") === "disabled" && router === undefined)
      complaints.push(
        complaintAt(
          parsed,
          path,
          "http.token would never be used: with security disabled the components speak plain http, and a token is not sent over that",
          "say `security: strict` or `permissive`, or leave the token out",
        ),
      );
  }
  const url =
    isRecord(router) && typeof router["url"] === "string" && URL.canParse(router["url"]) ? new URL(router["url"]) : null;
  const at: Path = ["http", "admin-router", "url"];
  if (url !== null && (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== ""))
    complaints.push(
      complaintAt(parsed, at, "http.admin-router.url must be scheme, host and port only", `such as ${url.protocol}//${url.host}`),
    );
  if (url !== null && url.protocol === "http:" && token !== undefined)
    complaints.push(complaintAt(parsed, at, "http.admin-router.url must be https where there is a token"));
  return complaints;
}
