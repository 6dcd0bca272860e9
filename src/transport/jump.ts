/** A jump host as a person writes it. */
export interface JumpHop {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** What `[user@]host[:port]` or `ssh://[user@]host[:port]` names; IPv6 addresses stand in brackets where a port follows. Null: nothing. */
export function jumpOf(text: string): JumpHop | null {
  const found =
    /^(?:ssh:\/\/)?(?:(?<user>[A-Za-z0-9_][A-Za-z0-9_.@-]*)@)?(?:\[(?<six>[0-9A-Fa-f:.]+)\]|(?<host>[^[\]@/\s]+?))(?::(?<port>\d{1,5}))?\/?$/.exec(
      text,
    )?.groups;
  if (found === undefined) return null;
  const bare = /^[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.exec(text.replace(/^.*@/, ""))?.[0];
  const host = bare ?? found["six"] ?? found["host"] ?? "";
  const port = bare === undefined && found["port"] !== undefined ? Number(found["port"]) : undefined;
  const isHost = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(host) || /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.test(host);
  if (!isHost || (port !== undefined && (port < 1 || port > 65_535))) return null;
  return { host, ...(found["user"] === undefined ? {} : { user: found["user"] }), ...(port === undefined ? {} : { port }) };
}
