import { describe, expect, it } from "vitest";
import type { ArtifactRecord, RunEvent } from "../../src/domain/events.ts";
import { DOCUMENT_TYPE } from "../../src/domain/exhibit.ts";
import { exhibited } from "../../src/report/exhibits.ts";
import { reportFiles } from "../../src/report/files.ts";
import { ARTIFACTS, placed, STORY, STORY_PLAN } from "./story.ts";

const sha = (n: number): string => n.toString(16).padStart(64, "0");

function artifact(n: number, name: string, mediaType: string, over: Partial<ArtifactRecord> = {}): ArtifactRecord {
  return {
    name,
    sha256: sha(n),
    bytes: 100,
    mediaType,
    step: "collect/one",
    node: null,
    evidenceOf: name,
    sealed: false,
    ...over,
  };
}

async function report(
  events: readonly RunEvent[],
  artifacts: readonly ArtifactRecord[] = ARTIFACTS,
  texts: Readonly<Record<string, string>> = {},
): Promise<{ readonly html: string; readonly markdown: string }> {
  const files = await reportFiles(events, STORY_PLAN, { artifacts }, async ({ sha256 }) => {
    const text = texts[sha256];
    if (text === undefined) throw new Error("gone");
    return Buffer.from(text);
  });
  const named = (name: string): string => files.find((file) => file.name === name)?.text ?? "";
  return { html: named("report.html"), markdown: named("report.md") };
}

describe("report.html", () => {
  it("tells the same story as the Markdown, in one file that runs and fetches nothing", async () => {
    const { html } = await report(STORY);
    expect(html).toContain(
      '<h1>Upgrade the toy cluster <span class="badge waiting">complete, with nodes set aside, not accepted</span></h1>',
    );
    for (const title of ["What is left to do", "The run", "Gates that refused", "Decisions", "Evidence"])
      expect(html).toContain(`<h2>${title}</h2>`);
    expect(html).toContain("<dt>observed</dt><dd>m1: 0, m2: 1</dd>");
    expect(html).toContain("default-src &#39;none&#39;;");
    expect(html).not.toMatch(/<script|<link|<iframe|src="http|href="http|@import|url\(http/i);
  });

  it("is the same, byte for byte, whenever it is made again", async () => {
    expect(await report(STORY)).toEqual(await report(structuredClone(STORY)));
  });

  it("can be made at every point of a run", async () => {
    for (let length = 0; length <= STORY.length; length += 1) {
      const { html } = await report(STORY.slice(0, length));
      expect(html.endsWith("</html>\n")).toBe(true);
      expect(html).not.toMatch(/undefined|NaN|\[object|Invalid Date/);
    }
  });

  it("lets no text from elsewhere become markup", async () => {
    const evil = placed([
      {
        type: "run.created",
        run: "r",
        kind: "upgrade",
        cluster: "c",
        plan: "p",
        pawl: "0",
        ticket: `"><script>alert(1)</script><img src=x onerror='x'> &amp; \u202eright to left`,
      },
    ]);
    const { html } = await report(evil);
    expect(html).toContain("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;x&#39;&gt; &amp;amp;");
    expect(html).not.toMatch(/<script|<img src=x|\u202e/);
  });

  it("draws when what was worked on, with the halts", async () => {
    const { html } = await report(STORY);
    const svg = Buffer.from(
      /alt="What was worked on when \(UTC\)[^"]*" src="data:image\/svg\+xml;base64,([^"]+)"/.exec(html)?.[1] ?? "",
      "base64",
    ).toString();
    expect(svg.match(/class="node"/g)).toHaveLength(3);
    expect(svg.match(/class="bad"/g)).toHaveLength(1);
    expect(svg.match(/<line class="halt"/g)).toHaveLength(1);
    expect(svg).toContain(">m1</text>");
  });
});

describe("captured documents in a report", () => {
  const document = JSON.stringify({
    title: "Worksheets <b>",
    note: "filled in by what was read",
    racks: [
      { rack: "r1", nodes: 3, pinnedTasks: ["/db", "/queue"] },
      { rack: "r2", nodes: 2, pinnedTasks: [] },
    ],
    totals: { nodes: 5 },
  });

  it("become sections with tables, in HTML and Markdown alike", async () => {
    const { html, markdown } = await report(STORY, [artifact(1, "one/worksheets.json", DOCUMENT_TYPE)], { [sha(1)]: document });
    expect(html).toContain("<h2>Worksheets &lt;b&gt;</h2><p>filled in by what was read</p>");
    expect(html).toContain("pinned tasks</th>");
    expect(markdown).toContain("| r1 | 3 | /db, /queue |");
    expect(markdown).toContain("- nodes: 5");
  });

  it("are shown as their first step left them, pictures also as the last one did; sealed and other ones never", () => {
    const shown = exhibited([
      artifact(1, "before/worksheets.json", DOCUMENT_TYPE, { step: "before" }),
      artifact(2, "before/architecture.svg", "image/svg+xml", { step: "before" }),
      artifact(3, "middle/architecture.svg", "image/svg+xml", { step: "middle" }),
      artifact(4, "before/worksheets.json", DOCUMENT_TYPE, { step: "before" }),
      artifact(5, "after/architecture.svg", "image/svg+xml", { step: "after" }),
      artifact(6, "after/worksheets.json", DOCUMENT_TYPE, { step: "after" }),
      artifact(7, "secret.json", DOCUMENT_TYPE, { sealed: true }),
      artifact(8, "state.json", "application/json"),
      artifact(9, "huge.json", DOCUMENT_TYPE, { bytes: 1e9 }),
    ]);
    expect(shown.map((one) => one.sha256)).toEqual([sha(4), sha(2), sha(5)]);
  });

  it("are pictures that cannot run anything, whatever they hold", async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`;
    const { html, markdown } = await report(STORY, [artifact(2, "architecture.svg", "image/svg+xml")], { [sha(2)]: svg });
    expect(html).not.toContain("<script");
    expect(html).toContain(`src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}"`);
    expect(markdown).toContain(`[architecture.svg (collect/one)](artifacts/${sha(2)})`);
  });

  it("are left out where they are gone, or are none", async () => {
    const { html } = await report(STORY, [artifact(1, "a.json", DOCUMENT_TYPE), artifact(2, "b.json", DOCUMENT_TYPE)], {
      [sha(2)]: "<html>502 Bad Gateway</html>",
    });
    expect(html).not.toContain("Bad Gateway");
    expect(html.endsWith("</html>\n")).toBe(true);
  });
});
