import type { Telemetry, Viewer } from "../engine/ports.ts";

/** A viewer for `--json`: every journal event as it is, one per line, and nothing else. The receiver adds the newline. */
export function createJsonLines(out: (line: string) => void): Viewer {
  return {
    show(news: Telemetry): void {
      if (news.type === "event") out(JSON.stringify(news.event));
    },
  };
}
