import { formatDuration, parseDuration } from "../../../domain/duration.ts";
import type { Problem } from "../../../domain/errors.ts";
import { number, record, text } from "../../../domain/json-fields.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Effect, Permission, StepContext, StepKind } from "../../../engine/ports.ts";
import { changeSpec, filtersOf } from "../access/change-spec.ts";
import type { Managers } from "../access/managers.ts";
import { parseServices, type ServiceEntry } from "../entries/service-entry.ts";
import { parseTasks } from "../entries/task-entry.ts";
import { namesIn } from "./node-moves.ts";
import { denied, patientManagers } from "./swarm-now.ts";

const LIMIT_MS = 15 * 60_000;
const POLL_MS = 1_000;
/** An update whose tasks differ begins within a tenth of a second (swarm.md, transitions). */
const BEGINS_MS = 15_000;

function wantedOf(ctx: StepContext): readonly string[] {
  return namesIn(ctx.step.with["services"]);
}

async function readServices(managers: Managers): Promise<readonly ServiceEntry[] | string> {
  const said = await managers.get("/services?status=true");
  if (!said.ok) return said.why;
  return parseServices(said.value) ?? "the answer is no list of services";
}

function trouble(ctx: StepContext, service: string, code: string, what: string, observed: string): Problem {
  return {
    code,
    text: `${service}: ${what}`,
    expected: "a rolling restart that is completed",
    observed,
    next: `Look with pawl service show ${service}; then: ${ctx.spell("retry", ctx.step.address)}`,
  };
}

/** Which services are left as they are, and why the rest may not be begun: an update that is under way would be replaced by this one. */
async function mayRebalance(ctx: StepContext): Promise<Permission> {
  const wanted = wantedOf(ctx);
  if (wanted.length === 0) return { kind: "yes", note: "no service named" };
  const services = await readServices(patientManagers(ctx));
  if (typeof services === "string")
    return denied("gate-halted", trouble(ctx, wanted[0] ?? "", "no-manager-answers", "nobody tells how it is.", services));
  const unknown = wanted.filter((name) => !services.some((one) => one.name === name));
  if (unknown.length > 0)
    return denied("refused", trouble(ctx, unknown.join(", "), "no-such-service", "there is no such service.", "not listed"));
  const busy = services.filter(
    (one) =>
      wanted.includes(one.name) && /^(?:updating|rollback_started|paused|rollback_paused)$/.test(one.updateStatus?.state ?? ""),
  );
  const [first] = busy;
  if (first === undefined) return { kind: "yes" };
  return denied(
    "gate-halted",
    trouble(ctx, first.name, "update-under-way", "an update of it is not at its end.", first.updateStatus?.state ?? ""),
  );
}

/** The same spec with every task made anew: the scheduler then spreads them over all nodes that are there. */
export function forced(spec: JsonRecord): JsonRecord {
  const template = record(spec["TaskTemplate"]);
  return { ...spec, TaskTemplate: { ...template, ForceUpdate: (number(template["ForceUpdate"]) ?? 0) + 1 } };
}

/** Waits for the end of the restart that began after `before`. Null: completed. */
async function follow(ctx: StepContext, managers: Managers, service: ServiceEntry, limitMs: number): Promise<Problem | null> {
  const before = service.updateStatus?.startedAt ?? null;
  const begun = ctx.clock.monotonic();
  for (;;) {
    const services = await readServices(managers);
    const now = typeof services === "string" ? undefined : services.find((one) => one.id === service.id);
    const forMs = ctx.clock.monotonic() - begun;
    const status = now?.updateStatus ?? null;
    const began = status !== null && status.startedAt !== before;
    if (began && status.state === "completed") return null;
    if (began && status.state !== "updating")
      return trouble(
        ctx,
        service.name,
        `rebalance-${status.state}`,
        "its tasks did not all come up again.",
        `${status.state}: ${status.message ?? ""}`,
      );
    if (!began && forMs >= BEGINS_MS && typeof services !== "string")
      return trouble(ctx, service.name, "rebalance-not-begun", "no restart of its tasks began.", status?.state ?? "no update");
    if (forMs >= limitMs) {
      const seen = typeof services === "string" ? services : (status?.state ?? "no update");
      return trouble(ctx, service.name, "rebalance-overdue", `no end after ${formatDuration(limitMs)}.`, seen);
    }
    await ctx.clock.sleep(POLL_MS);
  }
}

/** How many tasks of a service run on how many nodes. */
async function spread(managers: Managers, service: ServiceEntry): Promise<string> {
  const said = await managers.get(`/tasks?${filtersOf({ service: [service.id], "desired-state": ["running"] })}`);
  const tasks = said.ok ? (parseTasks(said.value) ?? []) : [];
  const nodes = new Set(tasks.flatMap((task) => task.nodeId ?? []));
  return `${service.name}: ${tasks.length} tasks on ${nodes.size} nodes`;
}

async function rebalance(ctx: StepContext): Promise<Effect> {
  const wanted = wantedOf(ctx);
  if (wanted.length === 0) return { kind: "done", note: "no service named: tasks stay where they are" };
  const managers = patientManagers(ctx);
  const limitMs = parseDuration(text(ctx.step.with["limit"]) ?? "") ?? LIMIT_MS;
  const notes: string[] = [];
  for (const name of wanted) {
    const services = await readServices(managers);
    const service = typeof services === "string" ? undefined : services.find((one) => one.name === name);
    if (service === undefined)
      return {
        kind: "failed",
        problem: trouble(ctx, name, "service-gone", "it cannot be read.", typeof services === "string" ? services : "not listed"),
      };
    ctx.say(`restarting the tasks of ${name} one batch after the other`);
    const written = await changeSpec(managers, "services", service.id, forced);
    if (written.kind === "unknown")
      return {
        kind: "unknown",
        problem: trouble(ctx, name, "contact-lost.rebalance", "contact was lost while its restart was asked for.", written.why),
      };
    if (written.kind === "refused" || written.kind === "stale")
      return { kind: "failed", problem: trouble(ctx, name, "rebalance-refused", "its restart was refused.", written.why) };
    const problem = await follow(ctx, managers, service, limitMs);
    if (problem !== null) return { kind: "failed", problem };
    notes.push(await spread(managers, service));
  }
  return { kind: "done", note: notes.join("; ") };
}

/**
 * Spreads the tasks of named services over all nodes by a rolling restart with the spec they have (`ForceUpdate` + 1), one service after
 * the other: Swarm moves no running task by itself (swarm.md, "Node fields"). After a crash it is not repeated: a person looks first.
 */
export const rebalanceService: StepKind = {
  name: "swarm/rebalance-service",
  effect: "write",
  shows(step) {
    const services = namesIn(step.with["services"]);
    if (services.length === 0) return ["nothing: no service is named"];
    return services.map(
      (one) => `POST /services/${one}/update with ForceUpdate + 1: every task of it is made anew, at its own pace`,
    );
  },
  mayI: mayRebalance,
  doIt: rebalance,
};
