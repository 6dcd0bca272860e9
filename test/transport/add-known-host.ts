import { addKnownHost } from "../../src/transport/accept-host-key.ts";

/** Adds a line to the known_hosts file that is named; prints the code of what stopped it. A program of its own, so that it can be limited. */
try {
  addKnownHost(process.argv[2] ?? "", "new.example ssh-ed25519 AAAA");
} catch (error) {
  console.log(error instanceof Error && "code" in error ? String(error.code) : String(error));
}
