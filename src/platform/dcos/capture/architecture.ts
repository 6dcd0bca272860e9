import { box, escaped, label } from "./svg.ts";
import type { PlacedAgent } from "./placement.ts";

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

export interface RackGroup {
  readonly rack: string | null;
  readonly agents: readonly PlacedAgent[];
}

const WIDTH = 1_120;
const MARGIN = 24;
const INNER = WIDTH - 2 * MARGIN;
const GAP = 14;
/** Above this many agents of a kind, a node is a square without its name. */
const MOST_NAMED = 48;

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

interface Drawn {
  readonly svg: string;
  readonly height: number;
}

/** A count with its word: `1 node`, `2 nodes`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** Columns of equal width in the page's inner width, none narrower than `least`. */
function columns(count: number, least: number): { readonly across: number; readonly width: number } {
  const across = Math.max(1, Math.min(count, Math.floor((INNER + GAP) / (least + GAP))));
  return { across, width: Math.floor((INNER - GAP * (across - 1)) / across) };
}

function drawMasters({ masters, marathon }: Architecture, top: number): Drawn {
  const { across, width } = columns(masters.length, 190);
  const cardWidth = Math.min(width, 340);
  const height = 126;
  const cards = masters.map((master, index) => {
    const x = MARGIN + (index % across) * (cardWidth + GAP);
    const y = top + 26 + Math.floor(index / across) * (height + GAP);
    const room = cardWidth - 20;
    const title = `${master.name}  ${master.address}${master.rack === null ? "" : `  rack ${master.rack}`}`;
    const badges = master.leads.map((what, place) => {
      const badge = Math.floor((room - 8) / 3);
      const at = x + 10 + place * (badge + 4);
      return `${box(at, y + height - 30, badge, 20, "lead", `leads ${what}`, 10)}${label(at + badge / 2, y + height - 16, what, { style: "leadt", size: 9, width: badge - 4, anchor: "middle" })}`;
    });
    return [
      box(x, y, cardWidth, height, "card", title),
      label(x + 10, y + 21, master.name, { style: "h", size: 14, width: room }),
      label(x + 10, y + 37, `${master.address}${master.rack === null ? "" : `, rack ${master.rack}`}`, {
        style: "m",
        size: 11,
        width: room,
      }),
      ...master.versions.map((line, row) => label(x + 10, y + 53 + row * 14, line, { size: 11, width: room })),
      ...badges,
    ].join("");
  });
  const rows = Math.ceil(masters.length / across);
  const head = label(
    MARGIN,
    top + 14,
    `${plural(masters.length, "master")}: Mesos, Marathon, ZooKeeper and Exhibitor on each; ${marathon}`,
    {
      style: "h",
      size: 13,
      width: INNER,
    },
  );
  return { svg: head + cards.join(""), height: 26 + rows * (height + GAP) };
}

function aboutAgent(agent: PlacedAgent): string {
  const tied = agent.tied.map(({ app, ties }) => `${app} (${ties})`).join(", ");
  return [
    agent.name,
    agent.hostname,
    agent.version === null ? "version not known" : `DC/OS ${agent.version}`,
    plural(agent.tasks, "task"),
    ...(agent.active ? [] : ["not active"]),
    ...(tied === "" ? [] : [`tied: ${tied}`]),
  ].join(", ");
}

type StyleOf = (agent: PlacedAgent) => string;

/** Nodes with their names, as many in a row as fit. */
function drawNamed(agents: readonly PlacedAgent[], x: number, y: number, width: number, styleOf: StyleOf): Drawn {
  const cell = { width: 124, height: 38 };
  const across = Math.max(1, Math.floor((width + 8) / (cell.width + 8)));
  const svg = agents.map((agent, index) => {
    const at = { x: x + (index % across) * (cell.width + 8), y: y + Math.floor(index / across) * (cell.height + 8) };
    const pin = agent.tied.length === 0 ? "" : `<circle cx="${at.x + cell.width - 10}" cy="${at.y + 11}" r="4" class="pin"/>`;
    return [
      box(at.x, at.y, cell.width, cell.height, styleOf(agent), aboutAgent(agent), 4),
      label(at.x + 8, at.y + 16, agent.name, { size: 12, width: cell.width - 28 }),
      label(at.x + 8, at.y + 30, `${agent.hostname}, ${plural(agent.tasks, "task")}`, {
        style: "m",
        size: 9.5,
        width: cell.width - 14,
      }),
      pin,
    ].join("");
  });
  return { svg: svg.join(""), height: Math.ceil(agents.length / across) * (cell.height + 8) };
}

/** Nodes as squares; their names show when pointed at. */
function drawSquares(agents: readonly PlacedAgent[], x: number, y: number, width: number, styleOf: StyleOf): Drawn {
  const side = 16;
  const across = Math.max(1, Math.floor((width + 4) / (side + 4)));
  const svg = agents.map((agent, index) => {
    const at = { x: x + (index % across) * (side + 4), y: y + Math.floor(index / across) * (side + 4) };
    const pin = agent.tied.length === 0 ? "" : `<circle cx="${at.x + side / 2}" cy="${at.y + side / 2}" r="3" class="pin"/>`;
    return box(at.x, at.y, side, side, styleOf(agent), aboutAgent(agent), 3) + pin;
  });
  return { svg: svg.join(""), height: Math.ceil(agents.length / across) * (side + 4) };
}

function drawAgents(title: string, groups: readonly RackGroup[], top: number, styleOf: StyleOf): Drawn {
  const all = groups.reduce((sum, group) => sum + group.agents.length, 0);
  const named = all <= MOST_NAMED;
  const largest = Math.max(0, ...groups.map((group) => group.agents.length));
  const least = named ? (largest <= 2 ? 152 : largest <= 4 ? 284 : 416) : largest <= 40 ? 184 : 340;
  const { across, width } = columns(Math.max(groups.length, 1), least);
  const parts = [
    label(
      MARGIN,
      top + 14,
      `${plural(all, title)}${named || all === 0 ? "" : " (a square is a node; point at it for its name)"}`,
      { style: "h", size: 13, width: INNER },
    ),
  ];
  let y = top + 26;
  for (let first = 0; first < groups.length; first += across) {
    const row = groups.slice(first, first + across).map((group, index) => {
      const x = MARGIN + index * (width + GAP);
      const draw = named ? drawNamed : drawSquares;
      const inner = draw(group.agents, x + 12, y + 30, width - 24, styleOf);
      const tasks = group.agents.reduce((sum, agent) => sum + agent.tasks, 0);
      const name = group.rack === null ? "rack not known" : `rack ${group.rack}`;
      const size = plural(group.agents.length, "node");
      const load = group.agents.length < 3 ? "" : `, ${plural(tasks, "task")}`;
      const text = label(x + 12, y + 20, `${name}: ${size}${load}`, {
        size: 11,
        width: width - 24,
      });
      return { x, height: 30 + inner.height + 6, svg: text + inner.svg };
    });
    const height = Math.max(...row.map((one) => one.height));
    parts.push(...row.map((one) => box(one.x, y, width, height, "panel") + one.svg));
    y += height + GAP;
  }
  return { svg: parts.join(""), height: y - top };
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
  const cardWidth = Math.min(width, 340);
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
