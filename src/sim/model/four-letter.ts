import { releaseOf } from "./releases.ts";
import { masterOf, type Model, type NodeState } from "./state.ts";
import { countsOf } from "../zookeeper/tree.ts";
import { writeZnodes } from "./znode-writes.ts";

const NO_QUORUM = "This ZooKeeper instance is not currently serving requests\n";

/** What the release builds of ZooKeeper call themselves. */
const BUILDS: Readonly<Record<string, string>> = {
  "3.4.8": "3.4.8--1, built on 02/06/2016 03:18 GMT",
  "3.4.10": "3.4.10-39d3a4f269333c922ed3db283be479f9deacaa0f, built on 03/23/2017 10:13 GMT",
  "3.4.13": "3.4.13-2d71af4dbe22557fda74f9a9b4309b15a7487f03, built on 06/29/2018 04:05 GMT",
  "3.4.14": "3.4.14-4c25d480e66aadd371de8bd2fd8da255ac140bcf, built on 03/06/2019 16:18 GMT",
};

interface Numbers {
  readonly build: string;
  readonly state: "leader" | "follower" | "standalone";
  readonly received: number;
  readonly connections: number;
  readonly znodes: number;
  readonly ephemerals: number;
  readonly bytes: number;
  readonly zxid: string;
}

function numbersOf(model: Model, node: NodeState): Numbers {
  const { zookeeper } = masterOf(node);
  const upMs = model.clock.now() - (zookeeper.startedMs ?? model.clock.now());
  const { tree } = writeZnodes(model);
  return {
    build: BUILDS[releaseOf(node.version).zookeeper] ?? releaseOf(node.version).zookeeper,
    state: model.masters.length === 1 ? "standalone" : zookeeper.role === "leading" ? "leader" : "follower",
    received: 40 + Math.floor(upMs / 650),
    connections: 4 + masterOf(node).serverId + zookeeper.clients.size,
    ...countsOf(tree),
    zxid: `0x${tree.zxid.toString(16)}`,
  };
}

function mntr(model: Model, node: NodeState): string {
  const numbers = numbersOf(model, node);
  const newest = releaseOf(node.version).zookeeper === "3.4.14";
  const lines: [string, string | number][] = [
    ["zk_version", numbers.build],
    ["zk_avg_latency", 0],
    ["zk_max_latency", 27 + masterOf(node).serverId],
    ["zk_min_latency", 0],
    ["zk_packets_received", numbers.received],
    ["zk_packets_sent", numbers.received - 1],
    ["zk_num_alive_connections", numbers.connections],
    ["zk_outstanding_requests", 0],
    ["zk_server_state", numbers.state],
    ["zk_znode_count", numbers.znodes],
    ["zk_watch_count", 11 + masterOf(node).serverId],
    ["zk_ephemerals_count", numbers.ephemerals],
    ["zk_approximate_data_size", numbers.bytes],
    ["zk_open_file_descriptor_count", 38 + numbers.connections],
    ["zk_max_file_descriptor_count", 20_000],
  ];
  if (newest) lines.push(["zk_fsync_threshold_exceed_count", 0]);
  if (numbers.state === "leader") {
    const followers = model.masters.filter((one) => masterOf(one).zookeeper.role === "following").length;
    lines.push(["zk_followers", followers], ["zk_synced_followers", followers], ["zk_pending_syncs", 0]);
    if (newest) lines.push(["zk_last_proposal_size", 48], ["zk_max_proposal_size", 2_312], ["zk_min_proposal_size", 32]);
  }
  return lines.map(([key, value]) => `${key}\t${value}\n`).join("");
}

function srvr(model: Model, node: NodeState, clients: boolean): string {
  const numbers = numbersOf(model, node);
  const list = clients ? `Clients:\n /${node.address}:51208[0](queued=0,recved=1,sent=0)\n\n` : "";
  const tail = [
    `Latency min/avg/max: 0/0/${27 + masterOf(node).serverId}`,
    `Received: ${numbers.received}`,
    `Sent: ${numbers.received - 1}`,
    `Connections: ${numbers.connections}`,
    "Outstanding: 0",
    `Zxid: ${numbers.zxid}`,
    `Mode: ${numbers.state}`,
    `Node count: ${numbers.znodes}`,
  ];
  return `Zookeeper version: ${numbers.build}\n${list}${tail.join("\n")}\n`;
}

function conf(model: Model, node: NodeState): string {
  const folder = "/var/lib/dcos/exhibitor/zookeeper";
  const lines = [
    "clientPort=2181",
    `dataDir=${folder}/snapshot/version-2`,
    `dataLogDir=${folder}/transactions/version-2`,
    "tickTime=2000",
    "maxClientCnxns=0",
    "minSessionTimeout=4000",
    "maxSessionTimeout=40000",
  ];
  lines.push(`serverId=${model.masters.length === 1 ? 0 : masterOf(node).serverId}`);
  if (model.masters.length > 1)
    lines.push("initLimit=10", "syncLimit=5", "electionAlg=3", "electionPort=3888", "quorumPort=2888", "peerType=0");
  return `${lines.join("\n")}\n`;
}

/**
 * The reply of a master's ZooKeeper to a four-letter word, as recorded from 3.4.8 and 3.4.10; empty for a word it does not
 * know; null: nothing listens. Without a quorum `ruok` still says `imok` (dcos.md 7.1).
 */
export function fourLetterWord(model: Model, node: NodeState, word: string): string | null {
  const { zookeeper } = masterOf(node);
  if (zookeeper.startedMs === null || model.clock.now() < zookeeper.startedMs + 1_500) return null;
  const serves = zookeeper.role === "leading" || zookeeper.role === "following";
  switch (word) {
    case "ruok":
      return "imok";
    case "isro":
      return serves ? "rw" : "null";
    case "mntr":
      return serves ? mntr(model, node) : NO_QUORUM;
    case "srvr":
    case "stat":
      return serves ? srvr(model, node, word === "stat") : NO_QUORUM;
    case "conf":
      return serves ? conf(model, node) : NO_QUORUM;
    case "cons":
      return serves ? ` /${node.address}:51208[0](queued=0,recved=1,sent=0)\n\n` : NO_QUORUM;
    case "wchs":
      return serves ? "4 connections watching 11 paths\nTotal watches:12\n" : NO_QUORUM;
    default:
      return "";
  }
}
