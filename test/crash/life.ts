import { setMaxListeners } from "node:events";
import type { RunEvent } from "../../src/domain/events.ts";
import type {
  ArtifactSink,
  ArtifactStore,
  Checks,
  Clock,
  ClusterLock,
  Monitoring,
  Remote,
  StepKind,
} from "../../src/engine/ports.ts";
import type { JournalFile } from "../../src/journal/file-journal.ts";

/**
 * One process of pawl that dies. After its death nothing it asked for is answered and nothing it asks for happens: its promises
 * stay open for ever, as those of a killed process do. What it had begun on a node goes on there.
 */
export interface Life {
  readonly dead: AbortSignal;
  /** Ends the process here and now; the promise never resolves. */
  die<T>(): Promise<T>;
  /** Resolves when it has died. */
  readonly death: Promise<void>;
}

export function createLife(): Life {
  const controller = new AbortController();
  // Whoever sleeps in this life listens for its end.
  setMaxListeners(0, controller.signal);
  const death = new Promise<void>((resolve) => controller.signal.addEventListener("abort", () => resolve(), { once: true }));
  return {
    dead: controller.signal,
    death,
    die: <T>() => {
      controller.abort();
      return new Promise<T>(() => undefined);
    },
  };
}

function isDead(life: Life): boolean {
  return life.dead.aborted;
}

/** Work of a process that may die: not begun after its death, and never answered. */
async function living<T>(life: Life, work: () => Promise<T>): Promise<T> {
  if (isDead(life)) return new Promise<T>(() => undefined);
  try {
    const value = await work();
    return isDead(life) ? await new Promise<T>(() => undefined) : value;
  } catch (error) {
    if (isDead(life)) return new Promise<T>(() => undefined);
    throw error;
  }
}

export function mortalClock(life: Life, clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) =>
      living(life, () => clock.sleep(ms, signal === undefined ? life.dead : AbortSignal.any([life.dead, signal]))),
  };
}

export function mortalRemote(life: Life, remote: Remote): Remote {
  const { losses } = remote;
  const open = remote.open?.bind(remote);
  return {
    run: (target, command, signal) => living(life, () => remote.run(target, command, signal)),
    stream: (target, command, onChunk, signal) =>
      living(life, () => remote.stream(target, command, (chunk) => living(life, async () => onChunk(chunk)), signal)),
    http: (request, signal) => living(life, () => remote.http(request, signal)),
    tcp: (host, port, send, timeoutMs, signal) => living(life, () => remote.tcp(host, port, send, timeoutMs, signal)),
    ...(open === undefined ? {} : { open: (...asked) => living(life, () => open(...asked)) }),
    ...(losses === undefined ? {} : { losses: (target: string) => losses(target) }),
    close: async () => undefined,
  };
}

export function mortalKind(life: Life, kind: StepKind): StepKind {
  const { probe, keep } = kind;
  return {
    ...kind,
    doIt: (ctx) => living(life, () => kind.doIt(ctx)),
    ...(probe === undefined ? {} : { probe: (ctx) => living(life, () => probe(ctx)) }),
    ...(keep === undefined ? {} : { keep: (ctx) => living(life, () => keep(ctx)) }),
  };
}

export function mortalChecks(life: Life, checks: Checks): Checks {
  return {
    measure: (requests, signal, early) =>
      living(life, () =>
        checks.measure(requests, signal, (index, answer) => (life.dead.aborted ? undefined : early?.(index, answer))),
      ),
    describe: (check) => checks.describe(check),
  };
}

export function mortalMonitoring(life: Life, { sampler, leastGapMs, idle }: Monitoring): Monitoring {
  return {
    sampler: {
      sample: (requests, signal, heard) =>
        living(life, () =>
          sampler.sample(requests, AbortSignal.any([life.dead, signal]), (index, sample) =>
            life.dead.aborted ? undefined : heard(index, sample),
          ),
        ),
    },
    leastGapMs,
    idle: (ms, signal) => living(life, () => idle(ms, AbortSignal.any([life.dead, signal]))),
  };
}

export function mortalArtifacts(life: Life, store: ArtifactStore): ArtifactStore {
  return {
    put: (meta, bytes) => living(life, () => store.put(meta, bytes)),
    sink: (meta) =>
      living(life, async (): Promise<ArtifactSink> => {
        const sink = await store.sink(meta);
        return {
          write: (chunk) => living(life, async () => sink.write(chunk)),
          get bytes() {
            return sink.bytes;
          },
          finish: () => living(life, () => sink.finish()),
          abandon: () => living(life, () => sink.abandon()),
        };
      }),
    read: (ref) => living(life, () => store.read(ref)),
    stream: (ref) => store.stream(ref),
  };
}

export function mortalLock(life: Life, lock: ClusterLock): ClusterLock {
  return {
    take: () => living(life, () => lock.take()),
    check: () => living(life, () => lock.check()),
    release: () => living(life, () => lock.release()),
  };
}

/** What a death leaves of the journal's file. */
export interface DeathWish {
  /** Whether the process dies after this event, in the write that follows it. */
  chooses(event: RunEvent): boolean;
  /** How many bytes of that write's first line reach the disk: none, a torn part, or all of them without anybody hearing so. */
  keeps(bytes: number): number;
}

/**
 * The journal's file of a process that dies as wished: what was not synced is lost, but for the bytes the wish keeps. Nobody
 * pulls the plug of the machine these tests run on, and what a lost disk would leave is decided here: so nothing is asked of
 * the disk itself, and thousands of appends do not wait for it.
 */
export function mortalFile(life: Life, wish: DeathWish): (file: JournalFile) => JournalFile {
  return (file) => {
    let chosen = false;
    const end = async (kept: Buffer): Promise<undefined> => {
      await file.write(kept);
      await file.close();
      return life.die();
    };
    return {
      write: (bytes) =>
        living(life, async () => {
          const lines = bytes.toString("utf8").split("\n").slice(0, -1);
          if (chosen) {
            const length = Buffer.byteLength(lines[0] ?? "") + 1;
            const kept = wish.keeps(length);
            if (kept === length) wish.chooses(JSON.parse(lines[0] ?? "") as RunEvent);
            return end(bytes.subarray(0, kept));
          }
          let upTo = 0;
          for (const [index, line] of lines.entries()) {
            upTo += Buffer.byteLength(line) + 1;
            chosen = wish.chooses(JSON.parse(line) as RunEvent);
            // Where more lines share the write, the disk keeps those until this one, and nobody hears so.
            if (chosen && index < lines.length - 1) return end(bytes.subarray(0, upTo));
          }
          return file.write(bytes);
        }),
      sync: () => living(life, async () => undefined),
      close: () => file.close(),
    };
  };
}
