import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { DOCUMENT_TYPE } from "../../src/domain/exhibit.ts";
import { reportFiles } from "../../src/report/files.ts";
import { describeReal } from "../real/requires.ts";
import { STORY, STORY_PLAN } from "./story.ts";

/** Hostile and long on purpose: a picture with a script, and a table with a value that has no place to break. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="80"><script>window.ran = 1</script><text y="20">m1</text></svg>`;
const TABLE = JSON.stringify({ title: "Worksheets", racks: [{ rack: "x".repeat(300), nodes: 3 }] });

async function page(events: readonly RunEvent[]): Promise<string> {
  const artifacts = [
    { name: "architecture.svg", mediaType: "image/svg+xml", sha256: "a".repeat(64), text: SVG },
    { name: "worksheets.json", mediaType: DOCUMENT_TYPE, sha256: "b".repeat(64), text: TABLE },
  ].map((one) => ({ ...one, bytes: 10, step: null, node: null, evidenceOf: one.name, sealed: false }));
  const files = await reportFiles(events, STORY_PLAN, { artifacts }, ({ sha256 }) =>
    Promise.resolve(Buffer.from(artifacts.find((one) => one.sha256 === sha256)?.text ?? "")),
  );
  const path = join(await mkdtemp(join(tmpdir(), "pawl-report-")), "report.html");
  await writeFile(path, files.find((file) => file.name === "report.html")?.text ?? "");
  return pathToFileURL(path).href;
}

describeReal("report.html in a browser", ["chromium", "fonts-dejavu-core"], () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  });
  afterAll(() => browser.close());

  async function opened(
    url: string,
    options: { readonly width: number; readonly scheme: "light" | "dark" },
  ): Promise<{ readonly view: Page; readonly said: readonly string[]; readonly fetched: readonly string[] }> {
    const context = await browser.newContext({ viewport: { width: options.width, height: 900 }, colorScheme: options.scheme });
    const view = await context.newPage();
    const said: string[] = [];
    const fetched: string[] = [];
    view.on("console", (message) => said.push(message.text()));
    view.on("pageerror", (error) => said.push(String(error)));
    view.on("request", (request) => fetched.push(request.url()));
    await view.goto(url);
    return { view, said, fetched };
  }

  it("shows every picture, runs nothing and fetches nothing", async () => {
    const url = await page(STORY);
    const { view, said, fetched } = await opened(url, { width: 1100, scheme: "light" });
    const pictures = await view.evaluate<number[]>("[...document.images].map((image) => image.naturalWidth)");
    expect(pictures).toHaveLength(2);
    expect(Math.min(...pictures)).toBeGreaterThan(0);
    expect(await view.evaluate("'ran' in window")).toBe(false);
    expect(said).toEqual([]);
    expect(fetched.filter((one) => one !== url && !one.startsWith("data:"))).toEqual([]);
  });

  it("fits a phone, and follows the reader's light or dark", async () => {
    const url = await page(STORY);
    const grounds: string[] = [];
    for (const scheme of ["light", "dark"] as const) {
      const { view } = await opened(url, { width: 360, scheme });
      expect(await view.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
      grounds.push(await view.evaluate<string>("getComputedStyle(document.body).backgroundColor"));
    }
    expect(grounds).toEqual(["rgb(255, 255, 255)", "rgb(20, 24, 28)"]);
  });

  it("keeps what is only looked up closed, and opens it", async () => {
    const { view } = await opened(await page(STORY), { width: 1100, scheme: "light" });
    const evidence = view.locator("#evidence table");
    expect(await evidence.isVisible()).toBe(false);
    await view.locator("#evidence summary").click();
    expect(await evidence.isVisible()).toBe(true);
  });
});
