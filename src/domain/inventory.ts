import type { JsonRecord } from "./json.ts";
import type { Answer } from "./question.ts";

/** The name of a node: unique in its inventory, part of step addresses, so `[A-Za-z0-9._-]+`. */
export type NodeName = string;

/** How a node is reached by SSH. Everything unset falls back to the inventory's `ssh`, then to ~/.ssh/config. */
export interface SshSettings {
  readonly user?: string;
  readonly port?: number;
  readonly identityFile?: string;
  readonly knownHosts?: string;
  /** True: commands that need root are run through `sudo -n`. */
  readonly sudo?: boolean;
  /** Machines the connection goes through, first to last: `[user@]host[:port]`, or a machine of the inventory. Empty: none, whatever ~/.ssh/config says. */
  readonly jump?: readonly string[];
}

/** One machine of the cluster. `role` is a word of the platform (DC/OS: master, agent, agent_public). */
export interface InventoryNode {
  readonly name: NodeName;
  readonly address: string;
  readonly role: string;
  readonly rack?: string;
  readonly critical: boolean;
  readonly ssh: SshSettings;
}

/** A command of the operator's own: an argument list, never a shell line, with a time limit. */
export interface Hook {
  readonly argv: readonly string[];
  readonly timeoutMs: number;
}

/** The machine that serves the packages, and where the node upgrade script comes from. */
export interface Bootstrap {
  readonly address: string;
  readonly ssh: SshSettings;
  /** Base URL nodes fetch from. */
  readonly url: string;
  /** Installer path on the bootstrap machine by target version. */
  readonly installers: Readonly<Record<string, string>>;
}

/** An upgrade script the operator prepared: where, and the digest every node must see. */
export interface ScriptSource {
  readonly url: string;
  readonly sha256: string;
}

/** Simulated time of an embedded cluster. Honoured only when every node proves that it belongs to that lab. */
export interface LabSettings {
  readonly control: string;
  readonly timeScale: number;
}

/** Where a token comes from. Files are read again when a token has run out; what a variable holds stays what it is. */
export type TokenSource =
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "environment"; readonly variable: string }
  /** The product's own login: with a password, or as a service account with its private key. */
  | { readonly kind: "login"; readonly uid: string; readonly secret: "password" | "private-key"; readonly file: string };

/** How the cluster's own servers (HTTP, and ports asked with a word) are reached. */
export interface HttpAccess {
  /** `ssh`: every connection begins at a machine reached by SSH: `by`, or the asked node itself where that is null. */
  readonly through: { readonly kind: "direct" } | { readonly kind: "ssh"; readonly by: string | null };
  /** `strict`: https and a token everywhere; `permissive`: https where it is spoken, else plain http without a token. */
  readonly security: "disabled" | "permissive" | "strict";
  /** Certificates to trust instead of the system's, PEM. */
  readonly caFile?: string;
  /** Who pawl is to servers that want to see a certificate: certificate and private key, PEM. */
  readonly client?: { readonly certificateFile: string; readonly keyFile: string };
  /** Where the product's service listens at a socket: its path on the nodes, where it is not the product's own. */
  readonly socket?: string;
  /** Sockets on this machine that lead to a node's service, by the node's name: pawl runs there, or somebody has forwarded it. */
  readonly localSockets?: Readonly<Record<NodeName, string>>;
  readonly token?: TokenSource;
  /** Only the product's front door is open: on this port of the nodes it stands on, or at one address for all of them. */
  readonly gateway?: { readonly kind: "port"; readonly port: number } | { readonly kind: "url"; readonly url: string };
}

export interface Inventory {
  readonly name: string;
  readonly platform: string;
  /** Folder the inventory file lies in; relative paths in it start there. */
  readonly folder: string;
  readonly ssh: SshSettings;
  /** Port by service name where it is not the product's own (platform decides the names). */
  readonly ports: Readonly<Record<string, number>>;
  /** How HTTP servers are reached where plain http to their own ports is not the way. */
  readonly http?: HttpAccess;
  readonly nodes: readonly InventoryNode[];
  readonly bootstrap?: Bootstrap;
  /** Script by target version, where no bootstrap machine generates it. */
  readonly scripts: Readonly<Record<string, ScriptSource>>;
  readonly hooks: { readonly beforeNode?: Hook; readonly afterNode?: Hook; readonly onHalt?: Hook };
  /** Site-specific commands run locally at the end of an upgrade (workbook, upgrade steps 1.i). */
  readonly siteSteps: readonly Hook[];
  readonly lab?: LabSettings;
  /** What people answered to the questions of runbooks; no part of the inventory's fingerprint. */
  readonly answers?: readonly Answer[];
  /** Anything else the platform's own schema accepts. */
  readonly settings: JsonRecord;
}

/** An address in its one form: IPv6 as RFC 5952 writes it, without brackets; anything else as it is. Two spellings are one machine. */
export function plainAddress(address: string): string {
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (!bare.includes(":") || !URL.canParse(`http://[${bare}]/`)) return bare;
  return new URL(`http://[${bare}]/`).hostname.slice(1, -1);
}
