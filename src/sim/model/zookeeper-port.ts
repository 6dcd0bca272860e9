import type { ClientPort } from "../zookeeper/client-port.ts";
import { commit } from "../zookeeper/history.ts";
import { fourLetterWord } from "./four-letter.ts";
import { hexOf } from "./random.ts";
import { later, masterOf, type Model, type NodeState } from "./state.ts";
import { sessionId, writeZnodes } from "./znode-writes.ts";

/** The client port of a master's ZooKeeper (2181). Sessions are the ensemble's; connections end when the server ceases to serve. */
export function zookeeperPort(model: Model, node: NodeState): ClientPort {
  const { ensemble } = model;
  const { zookeeper, serverId } = masterOf(node);
  const timeoutOf = (session: bigint): number | undefined => ensemble.written.history.tree.sessions.get(session);
  const close = (session: bigint): void => {
    ensemble.abandoned.delete(session);
    commit(writeZnodes(model), { type: "closeSession" }, { session, timeMs: model.clock.now() });
  };
  return {
    word: (word) => fourLetterWord(model, node, word),
    history: () => (zookeeper.role === "leading" || zookeeper.role === "following" ? writeZnodes(model) : null),
    openSession(timeoutMs) {
      const history = writeZnodes(model);
      const session = sessionId(model, serverId, `client ${history.tree.zxid.toString(16)}`);
      commit(history, { type: "createSession", timeoutMs }, { session, timeMs: model.clock.now() });
      return session;
    },
    knows: (session) => timeoutOf(session) !== undefined,
    passwordOf: (session) => Buffer.from(hexOf(model.seed, `password ${session.toString(16)}`, 32), "hex"),
    closeSession: close,
    abandonSession(session) {
      const timeoutMs = timeoutOf(session);
      if (timeoutMs === undefined) return;
      const mark = {};
      ensemble.abandoned.set(session, mark);
      const expire = (): void => {
        if (ensemble.abandoned.get(session) !== mark) return;
        // Nobody counts time while nobody leads.
        if (ensemble.leader === null) later(model, timeoutMs, expire);
        else close(session);
      };
      later(model, timeoutMs, expire);
    },
    keepSession: (session) => void ensemble.abandoned.delete(session),
    author: (session, cxid) => ({ session, cxid, timeMs: model.clock.now() }),
    unbarred: false,
    connected(end) {
      zookeeper.clients.add(end);
      return () => void zookeeper.clients.delete(end);
    },
  };
}
