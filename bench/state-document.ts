/** A Mesos master's `/state` of so many agents with twelve tasks each: names, types and nesting as Mesos 1.5 answers; 10 kB an agent, 50 MB at 5,000. */
export function stateDocument(agents: number): string {
  const slaves = Array.from({ length: agents }, (_, index) => agentOf(index));
  const tasks = Array.from({ length: agents * 12 }, (_, index) => taskOf(index, agents));
  return JSON.stringify({
    version: "1.5.2",
    cluster: "bench",
    start_time: 1_795_191_249.9,
    elected_time: 1_795_191_250.1,
    leader: "master@127.0.0.1:5050",
    activated_slaves: agents,
    deactivated_slaves: 0,
    unreachable_slaves: 0,
    flags: { quorum: "2", agent_ping_timeout: "15secs", max_agent_ping_timeouts: "20" },
    slaves,
    frameworks: [{ id: "f-0000", name: "marathon", active: true, connected: true, role: "slave_public", tasks }],
  });
}

function agentOf(index: number): object {
  const resources = { cpus: 16, gpus: 0, mem: 62_928, disk: 196_000, ports: "[1025-2180, 2182-3887, 3889-5049, 5052-8079]" };
  return {
    id: `29793213-1d4f-4f6e-9a3b-0c5a5f3f2c11-S${index}`,
    hostname: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    port: 5051,
    pid: `slave(1)@10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:5051`,
    registered_time: 1_795_191_249.9,
    resources,
    used_resources: resources,
    offered_resources: { cpus: 0, gpus: 0, mem: 0, disk: 0 },
    reserved_resources: {},
    unreserved_resources: resources,
    attributes: { rack: `r${index % 20}` },
    active: true,
    version: "1.5.2",
    capabilities: ["MULTI_ROLE", "HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT"],
  };
}

function taskOf(index: number, agents: number): object {
  return {
    id: `app-${index % 997}.${(index * 2_654_435_761) % 4_294_967_296}-instance`,
    name: `app-${index % 997}`,
    framework_id: "f-0000",
    executor_id: "",
    slave_id: `29793213-1d4f-4f6e-9a3b-0c5a5f3f2c11-S${index % agents}`,
    state: "TASK_RUNNING",
    resources: { cpus: 0.1, gpus: 0, mem: 128, disk: 0, ports: "[31000-31000]" },
    role: "slave_public",
    statuses: [
      {
        state: "TASK_RUNNING",
        timestamp: 1_795_191_300.5,
        container_status: {
          container_id: { value: `c-${index}` },
          network_infos: [{ ip_addresses: [{ protocol: "IPv4", ip_address: "172.17.0.2" }] }],
        },
        healthy: true,
      },
    ],
    labels: [
      { key: "HAPROXY_GROUP", value: "external" },
      { key: "OWNER", value: `team-${index % 40}` },
    ],
    discovery: { visibility: "FRAMEWORK", name: `app-${index % 997}`, ports: { ports: [{ number: 31_000, protocol: "tcp" }] } },
    container: { type: "DOCKER", docker: { image: "registry.example/app:1.2.3", network: "BRIDGE", privileged: false } },
  };
}
