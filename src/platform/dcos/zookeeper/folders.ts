import { tarArgv } from "../../../action/tar-archive.ts";

/** Where ZooKeeper's data is: the place of every release since 1.8, and that of clusters first installed before (dcos.md 3.1). */
export const ZOOKEEPER_FOLDERS = ["/var/lib/dcos/exhibitor", "/var/lib/zookeeper"] as const;

/** Every form of that command there can be; the read-only guard lets exactly these through. */
export const TAR_ARGVS: readonly (readonly string[])[] = [
  tarArgv(ZOOKEEPER_FOLDERS),
  ...ZOOKEEPER_FOLDERS.map((folder) => tarArgv([folder])),
];
