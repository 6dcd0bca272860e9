import { createClock } from "../../src/transport/clock.ts";
import { createRemote } from "../../src/transport/remote.ts";
import { describeReal } from "../real/requires.ts";
import { startFleet } from "../real/sshd.ts";
import { conforms } from "./conformance.ts";

describeReal("over SSH", ["openssh-server", "openssh-client", "sudo"], () => {
  conforms("a real sshd", async () => {
    const fleet = await startFleet(1);
    const remote = createRemote({ inventory: fleet.inventory({ sudo: true }), env: {}, home: fleet.folder });
    return {
      remote,
      target: "n1",
      clock: createClock(),
      cut: () => fleet.nodes[0]?.wire.cut(),
      async close() {
        await remote.close();
        await fleet.stop();
      },
    };
  });
});
