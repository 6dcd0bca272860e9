/** Where it is known what a real node answers to a read. */
export interface Reference {
  readonly read: RegExp;
  /** The test that holds the model against it, or the document where no program could be asked. */
  readonly source: string;
  /** Published answers of Marathon (shared fixtures, `marathon/`). */
  readonly marathon?: readonly string[];
  /** Kept as it comes: no field of it is read, so nothing holds the model's fields. */
  readonly kept?: true;
}

const marathon = (...files: readonly string[]): readonly string[] => files.map((file) => `marathon/${file}`);

/** One line for everything pawl reads. A read that no line covers fails a test, and so does a line nobody needs. */
export const REFERENCES: readonly Reference[] = [
  { read: /^mesos-master GET \/redirect$/, source: "own captures, status and header: fields.test.ts, situations.test.ts" },
  {
    read: /^mesos-master GET \/(state|state-summary|slaves|frameworks|roles|tasks|version|flags|maintenance\/(?:status|schedule)|metrics\/snapshot|system\/stats\.json)$/,
    source: "own captures, field by field: fields.test.ts",
  },
  { read: /^mesos-agent GET \/flags$/, source: "own captures, field by field: fields.test.ts" },
  { read: /^mesos-master POST \/api\/v1 GET_HEALTH$/, source: "own captures, field by field: fields.test.ts" },
  { read: /^exhibitor GET \/exhibitor\/v1\/cluster\/status$/, source: "published capture, field by field: fields.test.ts" },
  { read: /^exhibitor GET \/exhibitor\/v1\/config\/get-state$/, source: "published capture, field by field: fields.test.ts" },
  {
    read: /^marathon GET \/v2\/apps$/,
    source: "published captures of 1.1 to 1.5: fields.test.ts",
    marathon: marathon("doc-app_list.json", "apps-1.1.json", "apps-1.5-networks.json"),
  },
  {
    read: /^marathon GET \/v2\/info$/,
    source: "published capture: fields.test.ts",
    marathon: marathon("doc-info.json"),
  },
  { read: /^marathon GET \/v2\/leader$/, source: "published capture: fields.test.ts", marathon: marathon("gm-leader.json") },
  {
    read: /^marathon GET \/v2\/queue$/,
    source: "published captures: fields.test.ts",
    marathon: marathon("doc-queue.json", "queue-delayed.json", "queue-empty.json"),
  },
  {
    read: /^marathon GET \/v2\/deployments$/,
    source: "published captures: fields.test.ts",
    marathon: marathon("doc-deployments.json", "deployments-one.json", "deployments-none.json"),
  },
  {
    read: /^marathon GET \/v2\/groups$/,
    source: "published captures: fields.test.ts",
    marathon: marathon("doc-group.json", "gm-groups.json", "groups-app-each-health.json", "groups-volumes.json"),
  },
  {
    read: /^marathon GET \/v2\/tasks$/,
    source: "published captures: fields.test.ts",
    marathon: marathon("gm-tasks.json", "doc-app_tasks.json"),
  },
  {
    read: /^marathon (GET|DELETE) \/v2\/apps\/pawl-[a-z0-9-]+$/,
    source: "dcos.md 11.2, 11.4; published app-healthy.json, app-deleting.json, versions.json: temporary-app.test.ts",
  },
  {
    read: /^marathon POST \/v2\/apps( MESOS)?$/,
    source: "dcos.md 11.2; published gm-app-create.json, create-conflict.json: temporary-app.test.ts",
  },
  { read: /^marathon GET \/v2\/pods$/, source: "dcos.md 11.2: a list; the model has no pods, so an empty one" },
  {
    read: /^exhibitor GET \/exhibitor\/v1\/explorer\/node-data$/,
    source: "ExplorerResource.java: bytes, str and stat, `* not found * ` for a znode that is not there; dcos.md section 6",
  },
  {
    read: /^sh pawl-machine$/,
    source:
      "pkgpanda (symlink_tree, activate: links into the packages, what is written beside them); gen/dcos-config.yaml (PROVIDER, check_time.env); systemctl, ipset and timedatectl of real machines: machine-facts.test.ts, commands.test.ts",
  },
  {
    read: /^journalctl /,
    source: "kept as text, nothing of it is read; the form is that of systemd's short output: programs.test.ts",
  },
  {
    read: /^timeout 30 docker ps -q$/,
    source: "docker ps(1), --quiet: one id of twelve hex digits a line; timeout(1): 124: programs.test.ts",
  },
  {
    read: /^zookeeper (mntr|srvr|conf)$/,
    source: "own captures of 3.4.8 and 3.4.10, line by line: zookeeper-fidelity.test.ts",
  },
  {
    read: /^(sh pawl-checks|\/opt\/mesosphere\/bin\/dcos-(diagnostics|check-runner) check node-poststart)$/,
    source: "own captures of both programs, byte for byte: programs.test.ts",
  },
  { read: /^cat \/opt\/mesosphere\/etc\/dcos-version\.json$/, source: "published capture and dcos.md 3.1: programs.test.ts" },
  {
    read: /^cat \/opt\/mesosphere\/(etc\/expanded\.config\.json|active\.buildinfo\.full\.json)$/,
    source: "kept as bytes, no field is read; where they lie: dcos.md 3.1, 4.1",
  },
  {
    read: /^cat \/opt\/(mesosphere\/etc\/user\.config\.yaml|dcos\/[\d.]+\/genconf\/config\.yaml)$/,
    source:
      "dcos/dcos, gen/__init__.py (stringify_configuration, user_arguments_to_yaml: PyYAML's dump with default_style '|') and dcos_installer/config.py; dcos.md 3.1, 4.1: changes.test.ts",
  },
  {
    read: /^cat \/opt\/(mesosphere\/bin\/detect_ip|dcos\/[\d.]+\/genconf\/ip-detect)$/,
    source: "dcos/dcos, gen/dcos-config.yaml: /bin/detect_ip is the text of ip-detect; dcos.md 3.1, 4.1: changes.test.ts",
  },
  { read: /^cat \/var\/lib\/dcos\/mesos-resources$/, source: "kept as bytes, no field is read; where it lies: dcos.md 3.1" },
  {
    read: /^marathon GET \/v2\/eventSubscriptions$/,
    source: "Marathon's Formats.scala (`callbackUrls`, a list of texts); gone with 1.5: dcos.md pre-34; marathon.test.ts",
  },
  {
    read: /^(ls \/opt\/mesosphere\/lib\/libltdl\.so\.7|grep -A1 -E \^\["'\]\?security\["'\]\? \*: \/opt\/mesosphere\/etc\/user\.config\.yaml)$/,
    source: "a real ls and grep beside the node's: commands.test.ts",
  },
  {
    read: /^timedatectl$/,
    source:
      "systemd's timedatectl: `NTP synchronized`, later `System clock synchronized`; the check takes both: programs.test.ts",
  },
  { read: /^docker ps -q$/, source: "lines are counted; dcos.md 12, commands.test.ts" },
  {
    read: /^sh pawl-(facts|files|fetch|job (start|poll|read|remove))$/,
    source: "pawl's own texts, run by real shells: commands.test.ts, remote-job.test.ts, fetch-script.test.ts",
  },
  { read: /^tar -cf - -C \/ -- var\/lib\/dcos\/exhibitor$/, source: "a real tar beside the node's: commands.test.ts" },
  {
    read: /^curl -fsSL --max-time 60 http:\/\/\S+\/dcos_node_upgrade\.sh$/,
    source: "a real curl beside the node's: commands.test.ts",
  },
  {
    read: /^mesos-master GET \/(health|quota|weights|files\/debug)$/,
    source: "kept as bytes, no field is read: dcos.md 9.2; an empty body of /health in own captures",
    kept: true,
  },
  {
    read: /^mesos-agent GET \/(state|containers|flags|metrics\/snapshot)$/,
    source: "kept as bytes, no field is read: dcos.md 10; own captures of agents: mesos-fidelity.test.ts",
  },
  {
    read: /^marathon GET \/logging$/,
    source:
      "Marathon's SystemResource.scala (showLoggers); before 1.5 chaos' LogConfigServlet and logconfig.mustache: marathon.test.ts",
  },
  { read: /^marathon GET \/metrics$/, source: "kept as bytes, no field is read: dcos.md 11.3" },
  {
    read: /^systemctl show --property=Id,LoadState,ActiveState/,
    source: "a real systemd beside the node's: systemd.test.ts",
  },
  {
    read: /^journalctl --no-pager -q -o short-iso -n 400 (-u dcos-[a-z-]+\.service ?)+$/,
    source: "kept as bytes, no line is read: journalctl(1)",
  },
  {
    read: /^diagnostics GET \/system\/health\/v1\/(nodes|units)$/,
    source: "published captures of dcos-ui, field by field: fields.test.ts",
    kept: true,
  },
  {
    read: /^diagnostics GET \/system\/health\/v1(\/report)?$/,
    source: "kept as bytes, no field is read; dcos-diagnostics, api/structures.go and router.go: side-services.test.ts",
    kept: true,
  },
  { read: /^metronome GET \/info$/, source: "published capture, field by field: fields.test.ts" },
  {
    read: /^metronome GET \/v1\/jobs$/,
    source: "published capture: a list; the model has no jobs, so an empty one: side-services.test.ts",
    kept: true,
  },
  {
    read: /^cosmos (GET \/capabilities|POST \/package\/list)$/,
    source:
      "kept as bytes, no field is read; DC/OS documentation (Package API), Cosmos' OpenAPI description: side-services.test.ts",
    kept: true,
  },
  {
    read: /^mesos-dns GET \/v1\/(version|config|enumerate|hosts\/(master|leader)\.mesos)$/,
    source:
      "kept as bytes, no field is read; Mesos-DNS documentation (HTTP interface), records/generator.go: side-services.test.ts",
    kept: true,
  },
  { read: /^the step's own output$/, source: "what pawl itself has found: kinds.test.ts" },
];
