/** The environment a login of this user gets on a node. */
export function loginEnv(nodeName: string, user: string): Record<string, string> {
  const home = user === "root" ? "/root" : `/home/${user}`;
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return { HOME: home, USER: user, LOGNAME: user, SHELL: "/bin/bash", PATH: path, HOSTNAME: nodeName, LANG: "en_US.UTF-8" };
}
