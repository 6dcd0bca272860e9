import { describe, expect, it } from "vitest";
import { compareTrees, type Compared, type Origin, type Trees } from "../../src/zookeeper/compare.ts";
import { aclText } from "../../src/zookeeper/tree.ts";

const OPEN = aclText([{ perms: 31, scheme: "world", id: "anyone" }]);
const CLOSED = aclText([{ perms: 31, scheme: "digest", id: "owner:proof" }]);

/** A znode made at zxid 1 and never changed, but for what is given. */
function znode(more: Partial<Compared["stat"]> = {}, other: Partial<Omit<Compared, "stat">> = {}): Compared {
  const stat = { czxid: 1n, mzxid: 1n, pzxid: 1n, aversion: 0, cversion: 0, numChildren: 0, ...more };
  return { sha256: "00", bytes: 1, acl: OPEN, kind: "persistent", ...other, stat };
}

/** A parent that has made so many children, of which so many are left; its last change was at `pzxid`. */
function parent(made: number, left: number, pzxid: bigint): Compared {
  return znode({ pzxid, cversion: 2 * made - left, numChildren: left });
}

/** The usual order: a copy that ends at zxid 100, and a reading that began at 200. */
const BEFORE: Origin = { kind: "folders", zxid: 100n, read: 200n };
/** A copy that was made again after the reading. */
const AFTER: Origin = { kind: "folders", zxid: 300n, read: 200n };

/** Paths with what is said of them: the reason, or `fault`. */
function judged(reference: Trees, found: Trees, origin: Origin): Readonly<Record<string, string>> {
  const { differences } = compareTrees(reference, found, origin);
  return Object.fromEntries(differences.map((one) => [`${one.what} ${one.path}`, one.explained ?? "fault"]));
}

function tree(znodes: Readonly<Record<string, Compared>>): Trees {
  return new Map(Object.entries({ "/": znode(), ...znodes }));
}

describe("an ACL that is another one in the copy", () => {
  const closed = { acl: CLOSED };

  it("is a fault where only its version moved on: setting an ACL leaves no zxid behind", () => {
    const reference = tree({ "/a": znode({ aversion: 2 }, closed) });
    expect(judged(reference, tree({ "/a": znode({ aversion: 1 }) }), BEFORE)).toEqual({ "acl /a": "fault" });
  });

  it("is explained where the znode was changed after the copy's end, and only in that direction", () => {
    const reference = tree({ "/a": znode({ aversion: 2, mzxid: 150n }, closed) });
    const why = judged(reference, tree({ "/a": znode({ aversion: 1 }) }), BEFORE);
    expect(why["acl /a"]).toContain("changed at 0x96, after the end of the copy (0x64)");
    expect(judged(reference, tree({ "/a": znode({ aversion: 3 }) }), BEFORE)).toEqual({ "acl /a": "fault" });
    expect(judged(reference, tree({ "/a": znode({ aversion: 2 }) }), BEFORE)).toEqual({ "acl /a": "fault" });
  });

  it("is a fault where the znode's change is older than the copy", () => {
    const reference = tree({ "/a": znode({ aversion: 2, mzxid: 90n }, closed) });
    expect(judged(reference, tree({ "/a": znode({ aversion: 1 }) }), BEFORE)).toEqual({ "acl /a": "fault" });
  });

  it("is told with both versions, and never with what proves who somebody is", () => {
    const { differences } = compareTrees(
      tree({ "/a": znode({ aversion: 2 }, closed) }),
      tree({ "/a": znode({ aversion: 1 }) }),
      BEFORE,
    );
    expect(differences[0]?.expected).toMatch(/^digest:owner:[0-9a-f]{8}:rwcda \(version 2\)$/);
    expect(differences[0]?.observed).toBe("world:anyone:rwcda (version 1)");
  });
});

describe("a znode that the copy lacks", () => {
  it("is explained only where it was made after the copy's end", () => {
    const reference = tree({ "/a": parent(3, 2, 150n), "/a/old": znode(), "/a/young": znode({ czxid: 150n }) });
    const found = tree({ "/a": parent(1, 1, 50n) });
    expect(judged(reference, found, BEFORE)).toEqual({
      "missing /a/old": "fault",
      "missing /a/young": "made at 0x96, after the end of the copy (0x64)",
    });
  });

  it("is a fault below the busiest parent too, also in a copy that was made again after the reading", () => {
    const reference = tree({ "/a": parent(2, 2, 150n), "/a/one": znode(), "/a/two": znode() });
    const found = tree({ "/a": parent(50, 1, 299n), "/a/two": znode() });
    expect(judged(reference, found, AFTER)).toEqual({ "missing /a/one": "fault" });
  });
});

describe("a znode that only the copy has", () => {
  it("is explained by the deletions its parent counts since the copy, as long as there are enough of them", () => {
    const found = tree({ "/a": parent(3, 3, 50n), "/a/x": znode(), "/a/x/below": znode(), "/a/y": znode(), "/a/z": znode() });
    const one = judged(tree({ "/a": parent(3, 2, 150n), "/a/y": znode(), "/a/z": znode() }), found, BEFORE);
    expect(one["extra /a/x"]).toContain("its parent counts 1 deletions, the last change at 0x96");
    expect(one["extra /a/x/below"]).toBe(one["extra /a/x"]);
    const two = judged(tree({ "/a": parent(3, 2, 150n), "/a/z": znode() }), found, BEFORE);
    expect(two).toEqual({ "extra /a/x": "fault", "extra /a/x/below": "fault", "extra /a/y": "fault" });
  });

  it("is a fault where its parent has only made children since, however many: a reading that lost it would look so", () => {
    const found = tree({ "/a": parent(1, 1, 50n), "/a/x": znode() });
    const reference = tree({ "/a": parent(31, 31, 150n) });
    expect(judged(reference, found, BEFORE)).toEqual({ "extra /a/x": "fault" });
  });

  it("is explained where it was made after the reading began, or its parent was made anew since", () => {
    const made = tree({ "/a": parent(1, 1, 250n), "/a/x": znode({ czxid: 250n }) });
    expect(judged(tree({ "/a": parent(0, 0, 1n) }), made, AFTER)["extra /a/x"]).toContain("made at 0xfa");
    const anew = judged(
      tree({ "/a": znode({ czxid: 150n, mzxid: 150n, pzxid: 150n }) }),
      tree({ "/a": parent(1, 1, 50n), "/a/x": znode() }),
      BEFORE,
    );
    expect(anew["extra /a/x"]).toContain("its parent was made anew at 0x96");
  });
});
