import { columns, GAP, INNER, MARGIN, plural, type Drawn } from "./architecture-page.ts";
import type { PlacedAgent } from "./placement.ts";
import { box, label } from "./svg.ts";

/** Agents of one rack. */
export interface RackGroup {
  readonly rack: string | null;
  readonly agents: readonly PlacedAgent[];
}

/** The class a node is drawn with. */
export type StyleOf = (agent: PlacedAgent) => string;

/** Above this many agents of a kind, a node is a square without its name. */
const MOST_NAMED = 48;
/** Room of a named node, and between two. */
const CELL = { least: 128, height: 54, gap: 8 };
const SQUARE = { side: 18, gap: 4 };
/** Space between a rack's frame and its nodes. */
const PAD = 12;

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

function pinAt(x: number, y: number, radius: number): string {
  return `<circle cx="${x}" cy="${y}" r="${radius}" class="pin"/>`;
}

/** Nodes with their names, as many in a row as fit, in cells that fill it. */
function drawNamed(agents: readonly PlacedAgent[], x: number, y: number, width: number, styleOf: StyleOf): Drawn {
  const { least, height, gap } = CELL;
  const across = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const wide = Math.min(Math.floor((width - gap * (across - 1)) / across), 172);
  const svg = agents.map((agent, index) => {
    const at = { x: x + (index % across) * (wide + gap), y: y + Math.floor(index / across) * (height + gap) };
    const room = wide - 16;
    return [
      box(at.x, at.y, wide, height, styleOf(agent), aboutAgent(agent), 4),
      label(at.x + 8, at.y + 17, agent.name, { size: 12, width: room - 14 }),
      label(at.x + 8, at.y + 32, agent.hostname, { style: "m", size: 10, width: room }),
      label(at.x + 8, at.y + 46, plural(agent.tasks, "task"), { style: "m", size: 10, width: room }),
      agent.tied.length === 0 ? "" : pinAt(at.x + wide - 11, at.y + 13, 4),
    ].join("");
  });
  return { svg: svg.join(""), height: Math.ceil(agents.length / across) * (height + gap) - gap };
}

/** Nodes as squares; their names show when pointed at. */
function drawSquares(agents: readonly PlacedAgent[], x: number, y: number, width: number, styleOf: StyleOf): Drawn {
  const { side, gap } = SQUARE;
  const across = Math.max(1, Math.floor((width + gap) / (side + gap)));
  const svg = agents.map((agent, index) => {
    const at = { x: x + (index % across) * (side + gap), y: y + Math.floor(index / across) * (side + gap) };
    const pin = agent.tied.length === 0 ? "" : pinAt(at.x + side / 2, at.y + side / 2, 3);
    return box(at.x, at.y, side, side, styleOf(agent), aboutAgent(agent), 3) + pin;
  });
  return { svg: svg.join(""), height: Math.ceil(agents.length / across) * (side + gap) - gap };
}

/** The least width of a rack: what holds its nodes in few rows, and its title. */
function leastWidth(largest: number, named: boolean): number {
  const per = named ? CELL.least + CELL.gap : SQUARE.side + SQUARE.gap;
  const inRow = named ? Math.min(largest, 2) : Math.min(largest, 10);
  return Math.max(named ? 160 : 196, inRow * per + 2 * PAD);
}

function rackTitle(group: RackGroup): string {
  const tasks = group.agents.reduce((sum, agent) => sum + agent.tasks, 0);
  return `${plural(group.agents.length, "node")}, ${plural(tasks, "task")}`;
}

/** All agents of a kind, a frame for each rack. */
export function drawAgents(title: string, groups: readonly RackGroup[], top: number, styleOf: StyleOf): Drawn {
  const all = groups.reduce((sum, group) => sum + group.agents.length, 0);
  const named = all <= MOST_NAMED;
  const largest = Math.max(0, ...groups.map((group) => group.agents.length));
  const { across, width } = columns(Math.max(groups.length, 1), leastWidth(largest, named));
  const racks = groups.some((group) => group.rack !== null) ? ` in ${plural(groups.length, "rack")}` : "";
  const hint = named || all === 0 ? "" : " (a square is a node; point at it for its name)";
  const parts = [label(MARGIN, top + 14, `${plural(all, title)}${racks}${hint}`, { style: "h", size: 13, width: INNER })];
  let y = top + 26;
  for (let first = 0; first < groups.length; first += across) {
    const row = groups.slice(first, first + across).map((group, index) => {
      const x = MARGIN + index * (width + GAP);
      const draw = named ? drawNamed : drawSquares;
      const inner = draw(group.agents, x + PAD, y + 32, width - 2 * PAD, styleOf);
      const name = group.rack === null ? "rack not known" : `rack ${group.rack}`;
      const room = Math.floor((width - 2 * PAD) / 2);
      const head = [
        label(x + PAD, y + 21, name, { style: "h", size: 11, width: room }),
        label(x + width - PAD, y + 21, rackTitle(group), { style: "m", size: 10, width: room + 20, anchor: "end" }),
      ];
      return { x, height: 32 + inner.height + PAD, svg: head.join("") + inner.svg };
    });
    const height = Math.max(...row.map((one) => one.height));
    parts.push(...row.map((one) => box(one.x, y, width, height, "panel") + one.svg));
    y += height + GAP;
  }
  return { svg: parts.join(""), height: y - top };
}
