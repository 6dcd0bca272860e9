import { drawAgents, type RackGroup, type StyleOf } from "./architecture-agents.ts";
import { columns, GAP, INNER, MARGIN, plural, WIDTH, type Drawn } from "./architecture-page.ts";
import { box, escaped, label } from "./svg.ts";

/** What the diagram shows of a cluster. */
export interface Architecture {
  readonly cluster: string;
  readonly subtitle: string;
  readonly bootstrap: { readonly address: string; readonly url: string } | null;
  readonly masters: readonly {
    readonly name: string;
    readonly address: string;
    readonly rack: string | null;
    /** DC/OS, Mesos, ZooKeeper: lines of text. */
    readonly versions: readonly string[];
    /** What it leads at this moment. */
    readonly leads: readonly ("Mesos" | "Marathon" | "ZooKeeper")[];
  }[];
  readonly marathon: string;
  readonly services: readonly { readonly name: string; readonly version: string; readonly apps: number | null }[];
  readonly private: readonly RackGroup[];
  readonly public: readonly RackGroup[];
}

/** Colours by version, in the order of how many nodes run them; more versions than these share the last. */
const MOST_COLOURS = 4;

const STYLE = `
.bg{fill:#fff}.t{fill:#1f2933}.m{fill:#5b6875}.h{fill:#1f2933;font-weight:600}.panel{fill:#f5f7fa;stroke:#cbd2d9}
.card{fill:#fff;stroke:#9aa5b1}.lead{fill:#0b69a3}.leadt{fill:#fff;font-weight:600}.line{stroke:#9aa5b1;stroke-width:1.5;fill:none}
.v0{fill:#d3eaf7;stroke:#2b7fb0}.v1{fill:#ffe8cc;stroke:#b35f00}.v2{fill:#e3d9f7;stroke:#6b46a8}.v3{fill:#e4e7eb;stroke:#616e7c}
.off{fill:#ffe3e3;stroke:#c92a2a;stroke-dasharray:3 2}.pin{fill:#c05600}
@media (prefers-color-scheme:dark){.bg{fill:#12181f}.t{fill:#e4e9ee}.m{fill:#9fb0c0}.h{fill:#f1f5f8}.panel{fill:#19222c;stroke:#3a4856}
.card{fill:#202c38;stroke:#56687a}.lead{fill:#4aa8e0}.leadt{fill:#0c141b}.line{stroke:#56687a}
.v0{fill:#16405a;stroke:#5bb4e5}.v1{fill:#553310;stroke:#f0a050}.v2{fill:#3a2a5c;stroke:#b49aea}.v3{fill:#323c46;stroke:#93a1af}
.off{fill:#5a1f1f;stroke:#ff8787}.pin{fill:#ffa94d}}`.replaceAll("\n", "");

/** Height of a master's card: name and address beside its versions, and below what it leads. */
const MASTER_HEIGHT = 100;

function drawMaster(master: Architecture["masters"][number], x: number, y: number, width: number): string {
  const half = Math.floor((width - 30) / 2);
  const where = master.rack === null ? [master.address] : [master.address, `rack ${master.rack}`];
  const badge = Math.floor((width - 28) / 3);
  const badges = master.leads.map((what, place) => {
    const at = x + 10 + place * (badge + 4);
    const middle = { style: "leadt", size: 9, width: badge - 4, anchor: "middle" } as const;
    return box(at, y + 70, badge, 20, "lead", `leads ${what}`, 10) + label(at + badge / 2, y + 84, what, middle);
  });
  return [
    box(x, y, width, MASTER_HEIGHT, "card", `${master.name}, ${where.join(", ")}, ${master.versions.join(", ")}`),
    label(x + 12, y + 22, master.name, { style: "h", size: 14, width: half }),
    ...where.map((line, row) => label(x + 12, y + 39 + row * 15, line, { style: "m", size: 11, width: half })),
    ...master.versions.map((line, row) =>
      label(x + width - 12, y + 22 + row * 16, line, { size: 11, width: half, anchor: "end" }),
    ),
    ...(badges.length === 0 ? [label(x + 12, y + 84, "follows", { style: "m", size: 10, width: half })] : badges),
  ].join("");
}

function drawMasters({ masters, marathon }: Architecture, top: number): Drawn {
  const { across, width } = columns(masters.length, 220);
  const cardWidth = Math.min(width, 529);
  const cards = masters.map((master, index) =>
    drawMaster(
      master,
      MARGIN + (index % across) * (cardWidth + GAP),
      top + 26 + Math.floor(index / across) * (MASTER_HEIGHT + GAP),
      cardWidth,
    ),
  );
  const rows = Math.ceil(masters.length / across);
  const words = `${plural(masters.length, "master")}: Mesos, Marathon, ZooKeeper and Exhibitor on each; ${marathon}`;
  const head = label(MARGIN, top + 14, words, { style: "h", size: 13, width: INNER });
  return { svg: head + cards.join(""), height: 26 + rows * (MASTER_HEIGHT + GAP) };
}

/** What stands beside the cluster: where packages come from, and the service Marathons that run on it. */
function drawOthers(shown: Architecture, top: number): Drawn {
  const cards = [
    ...(shown.bootstrap === null ? [] : [["Bootstrap machine", shown.bootstrap.address, shown.bootstrap.url] as const]),
    ...shown.services.map(
      (one) =>
        [`Service Marathon ${one.name}`, one.version, one.apps === null ? "apps not captured" : plural(one.apps, "app")] as const,
    ),
  ];
  if (cards.length === 0) return { svg: "", height: 0 };
  const { across, width } = columns(cards.length, 220);
  const cardWidth = Math.min(width, 529);
  const svg = cards.map(([title, first, second], index) => {
    const x = MARGIN + (index % across) * (cardWidth + GAP);
    const y = top + Math.floor(index / across) * (64 + GAP);
    return [
      box(x, y, cardWidth, 64, "card", `${title}, ${first}, ${second}`),
      label(x + 10, y + 20, title, { style: "h", size: 13, width: cardWidth - 20 }),
      label(x + 10, y + 37, first, { style: "m", size: 11, width: cardWidth - 20 }),
      label(x + 10, y + 53, second, { style: "m", size: 11, width: cardWidth - 20 }),
    ].join("");
  });
  return { svg: svg.join(""), height: Math.ceil(cards.length / across) * (64 + GAP) };
}

/** Colours stand for versions; the most frequent one is first. */
function legend(versions: readonly string[], tied: boolean, off: boolean, top: number): Drawn {
  const entries = [
    ...versions.slice(0, MOST_COLOURS).map((version, index) => [`v${index}`, `DC/OS ${version}`] as const),
    ...(off ? [["off", "registered, not active"] as const] : []),
    ...(tied ? [["pin", "pinned or constrained tasks"] as const] : []),
    ["lead", "leads at this moment"] as const,
  ];
  let x = MARGIN;
  const svg = entries.map(([style, text]) => {
    const mark =
      style === "pin" ? `<circle cx="${x + 7}" cy="${top + 8}" r="4" class="pin"/>` : box(x, top + 1, 14, 14, style, "", 3);
    const drawn = mark + label(x + 20, top + 12, text, { style: "m", size: 11 });
    x += 40 + text.length * 6.4;
    return drawn;
  });
  return { svg: svg.join(""), height: entries.length === 0 ? 0 : 26 };
}

/**
 * The cluster architecture diagram (workbook, "Cluster Architecture Diagram") as one SVG text: masters with what they lead, agents by
 * rack, the bootstrap machine and service Marathons. Up to some fifty agents of a kind have their names, more are squares in racks. No
 * script and nothing fetched; light and dark by the reader's own setting. Pure.
 */
export function architectureSvg(shown: Architecture): string {
  const agents = [...shown.private, ...shown.public].flatMap((group) => group.agents);
  const counts = new Map<string, number>();
  for (const agent of agents) if (agent.version !== null) counts.set(agent.version, (counts.get(agent.version) ?? 0) + 1);
  const versions = [...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([version]) => version);
  const styleOf: StyleOf = (agent) => {
    if (!agent.active) return "off";
    const place = agent.version === null ? MOST_COLOURS - 1 : versions.indexOf(agent.version);
    return `v${Math.min(place, MOST_COLOURS - 1)}`;
  };
  const parts: string[] = [];
  let y = 74;
  const add = (drawn: Drawn, gap = 6): void => {
    if (drawn.height === 0) return;
    parts.push(drawn.svg);
    y += drawn.height + gap;
  };
  add(drawOthers(shown, y));
  add(drawMasters(shown, y), 10);
  if (shown.private.length > 0) add(drawAgents("private agent", shown.private, y, styleOf));
  if (shown.public.length > 0) add(drawAgents("public agent", shown.public, y, styleOf));
  add(
    legend(
      versions,
      agents.some((one) => one.tied.length > 0),
      agents.some((one) => !one.active),
      y,
    ),
  );
  const height = Math.ceil(y + MARGIN - 6);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif">`,
    `<title>${escaped(`Architecture of ${shown.cluster}`)}</title><style>${STYLE}</style>`,
    `<rect x="0" y="0" width="${WIDTH}" height="${height}" class="bg"/>`,
    label(MARGIN, 36, shown.cluster, { style: "h", size: 20, width: INNER }),
    label(MARGIN, 56, shown.subtitle, { style: "m", size: 12, width: INNER }),
    ...parts,
    "</svg>\n",
  ].join("\n");
}
