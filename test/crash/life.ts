import type { RunEvent } from "../../src/domain/events.ts";
import type { ArtifactSink, ArtifactStore, Checks, Clock, ClusterLock, Remote } from "../../src/engine/ports.ts";
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
  return {
    run: (target, command, signal) => living(life, () => remote.run(target, command, signal)),
    stream: (target, command, onChunk, signal) =>
      living(life, () => remote.stream(target, command, (chunk) => living(life, async () => onChunk(chunk)), signal)),
    http: (request, signal) => living(life, () => remote.http(request, signal)),
    tcp: (host, port, send, timeoutMs, signal) => living(life, () => remote.tcp(host, port, send, timeoutMs, signal)),
    ...(losses === undefined ? {} : { losses: (target: string) => losses(target) }),
    close: async () => undefined,
  };
}

export function mortalChecks(life: Life, checks: Checks): Checks {
  return {
    measure: (requests, signal) => living(life, () => checks.measure(requests, signal)),
    describe: (check) => checks.describe(check),
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
  /** `acknowledged`: the line is on disk and the process dies before it hears so. `next`: it dies in its next write. */
  readonly when: "acknowledged" | "next";
  /** Whether the process dies of this event. */
  chooses(event: RunEvent): boolean;
  /** How many of the last write's bytes reached the disk before the machine went down: of `next`, fewer than all. */
  keeps(bytes: number): number;
}

/** The journal's file of a process that dies as wished: what was not synced is lost, but for the bytes the wish keeps. */
export function mortalFile(life: Life, wish: DeathWish): (file: JournalFile) => JournalFile {
  return (file) => {
    let chosen = false;
    const end = async (kept: Buffer): Promise<undefined> => {
      await file.write(kept);
      await file.sync();
      await file.close();
      return life.die();
    };
    return {
      write: (bytes) =>
        living(life, async () => {
          if (chosen) {
            return end(bytes.subarray(0, wish.keeps(bytes.length)));
          }
          let upTo = 0;
          for (const line of bytes.toString("utf8").split("\n").slice(0, -1)) {
            upTo += Buffer.byteLength(line) + 1;
            if (!wish.chooses(JSON.parse(line) as RunEvent)) continue;
            if (wish.when === "acknowledged") return end(bytes.subarray(0, upTo));
            chosen = true;
            break;
          }
          return file.write(bytes);
        }),
      sync: () => living(life, () => file.sync()),
      close: () => file.close(),
    };
  };
}
