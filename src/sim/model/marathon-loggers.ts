import type { SimHttpAnswer } from "../ports.ts";
import { answer, jsonAnswer } from "./http.ts";
import { releaseOf } from "./releases.ts";
import type { NodeState } from "./state.ts";

/** Loggers of a Marathon as it is delivered: logback.xml gives INFO to the root, and nothing to any other. */
const LOGGERS = ["ROOT", "akka", "mesosphere", "mesosphere.marathon", "mesosphere.marathon.core", "org.apache.zookeeper"];
const LEVEL = "INFO";

/**
 * What `GET /logging` answers: from 1.5 on JSON of each logger's level, with a mark where it is its parent's (SystemResource.scala,
 * showLoggers); before that a page for people with a table (chaos: LogConfigServlet and its template).
 */
export function loggersAnswer(leader: NodeState): SimHttpAnswer {
  if (releaseOf(leader.version).minor >= 10)
    return jsonAnswer(Object.fromEntries(LOGGERS.map((name) => [name, name === "ROOT" ? LEVEL : `${LEVEL} (inherited)`])));
  const rows = LOGGERS.map((name) => `<tr>\n<td>${name}</td>\n<td>${name === "ROOT" ? LEVEL : "INHERIT"}</td>\n</tr>`);
  const page = `<!DOCTYPE html>\n<html lang="en-us">\n<body>\n<table>\n<tbody>\n${rows.join("\n")}\n</tbody>\n</table>\n</body>\n</html>\n`;
  return answer(200, "text/html;charset=utf-8", page);
}
