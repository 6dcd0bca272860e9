import { DumpError } from "./dump-error.ts";
import type { IndexEntry } from "./dump-layout.ts";
import type { IndexHeader } from "./write-dump.ts";

type Fields = Readonly<Record<string, unknown>>;

const LONGS = ["czxid", "mzxid", "ctime", "mtime", "ephemeralOwner", "pzxid"] as const;
const INTS = ["version", "cversion", "aversion", "dataLength", "numChildren"] as const;

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function isAcl(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((one) => {
      const { perms, scheme, id } = fieldsOf(one);
      return Number.isInteger(perms) && isText(scheme) && isText(id);
    })
  );
}

/** The first line of an index. Throws DumpError where it is not what pawl writes: a disk may have changed any byte of it. */
export function headerOf(value: Fields): IndexHeader {
  if (value["format"] !== "pawl-znodes/1") throw new DumpError(`an index of the format ${JSON.stringify(value["format"])}`);
  const { node, version, readAt, znodes, ephemerals, acls } = value;
  const { from, to, text, changedPaths } = fieldsOf(value["consistency"]);
  const isZxid = (one: unknown): boolean => isText(one) && /^0x[0-9a-f]+$/.test(one);
  const good =
    isText(node) &&
    (version === null || isText(version)) &&
    isText(readAt) &&
    isCount(znodes) &&
    isCount(ephemerals) &&
    Array.isArray(acls) &&
    acls.every(isAcl) &&
    isZxid(from) &&
    isZxid(to) &&
    isText(text) &&
    Array.isArray(changedPaths) &&
    changedPaths.every(isText);
  if (!good) throw new DumpError("the first line of the index is damaged");
  return value as unknown as IndexHeader;
}

function isPath(path: unknown): path is string {
  return isText(path) && (path === "/" || (path.startsWith("/") && !path.split("/").slice(1).includes("")));
}

/** One znode of an index. Throws DumpError where the line is not what pawl writes. */
export function entryOf(value: Fields, header: IndexHeader): IndexEntry {
  const { path, kind, bytes, sha256, acl, at } = value;
  const stat = fieldsOf(value["stat"]);
  const good =
    isPath(path) &&
    (kind === "persistent" || kind === "ephemeral") &&
    (bytes === null || isCount(bytes)) &&
    (sha256 === null || (isText(sha256) && /^[0-9a-f]{64}$/.test(sha256))) &&
    (bytes === null) === (sha256 === null) &&
    isCount(acl) &&
    acl < Math.max(header.acls.length, 1) &&
    (at === undefined || isText(at)) &&
    LONGS.every((name) => isText(stat[name]) && /^-?\d{1,20}$/.test(stat[name])) &&
    INTS.every((name) => Number.isInteger(stat[name]));
  if (!good) throw new DumpError(`the index has a damaged line${isPath(path) ? `, about ${path}` : ""}`);
  return value as unknown as IndexEntry;
}
