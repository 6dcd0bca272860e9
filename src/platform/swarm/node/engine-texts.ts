/** Exit codes of the texts below, apart from those of the commands in them. */
export const ENDS: Readonly<Record<number, string>> = {
  60: "the package lists could not be read again",
  61: "the package sources have no such version",
  62: "no package manager that pawl knows has installed the engine here: give a command of your own",
  63: "the engine could not be started again",
  64: "the engine does not answer at its socket",
  65: "the engine could not be stopped",
  66: "the engine still answers after it was stopped",
  67: "the Swarm's folder could not be copied",
};

/**
 * How an engine is stopped, started and asked on its own machine. With systemd its socket is stopped too: a question to it would start
 * the engine again. `[ -d /run/systemd/system ]` is how sd_booted(3) tells.
 */
const COMMON = `say() { echo "pawl: $*"; }
engine() {
  if [ -d /run/systemd/system ]; then
    if [ "$1" = stop ]; then systemctl stop docker.socket 2>/dev/null; fi
    systemctl "$1" docker.service
  else service docker "$1"; fi
}
version() { docker -H unix:///var/run/docker.sock version --format '{{.Server.Version}}' 2>/dev/null; }
is_up() {
  n=0
  until version >/dev/null; do
    n=$((n + 1))
    if [ "$n" -ge 60 ]; then return 1; fi
    sleep 1
  done
}
start() {
  if ! engine start; then say "the engine does not start"; exit 63; fi
  if ! is_up; then say "the engine does not answer"; exit 64; fi
}
`;

/**
 * Copies the Swarm's folder while its engine is stopped, because only then it keeps still (swarm.md, "Upgrading the engine", before 4),
 * and starts the engine again whatever came of it. `$1`: the engine's data folder, `$2`: where the copy goes. Prints a sha256sum line
 * for every file of the original, then `end`.
 */
export const BACKUP_TEXT = `${COMMON}
data=$1 copy=$2
umask 077
rm -rf "$copy"
mkdir "$copy" || exit 67
say "stopping the engine"
if ! engine stop >/dev/null; then start; exit 65; fi
if version >/dev/null; then exit 66; fi
say "copying $data/swarm"
rc=0
cp -a "$data/swarm" "$copy/swarm" || rc=67
(cd "$data" && find swarm -type f -exec sha256sum {} +) >"$copy/sums" || rc=67
say "starting the engine"
start >/dev/null
if [ "$rc" -ne 0 ]; then exit "$rc"; fi
cat "$copy/sums"
echo end
`;

/**
 * Brings the engine to version `$1`. `$2`: a command of the operator's own, run by sh; empty: the package manager that has installed it,
 * with the client beside it, which newer packages no longer bring along. The engine is restarted where it is not of that version
 * afterwards: packages do not do that everywhere (swarm.md, "Upgrading the engine").
 */
export const UPGRADE_TEXT = `${COMMON}
target=$1 own=$2
at_target() {
  case $(version) in
  "$target" | "$target"[!0-9.]*) return 0 ;;
  *) return 1 ;;
  esac
}
# The newest build of that version that the sources offer; an epoch before it belongs to the packages only.
offered() {
  apt-cache madison "$1" | awk -v want="$target" '{
    bare = $3; sub(/^[0-9]+:/, "", bare)
    rest = substr(bare, length(want) + 1, 1)
    if (index(bare, want) == 1 && rest !~ /[0-9.]/) { print $3; exit }
  }'
}
installed() { dpkg-query -W -f='\${Status}\\n' "$1" 2>/dev/null | grep -q ' installed$'; }
by_packages() {
  name=
  if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    for one in docker-ce docker.io; do
      if installed "$one"; then name=$one; fi
    done
  fi
  if [ -z "$name" ]; then exit 62; fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q || exit 60
  wanted=$(offered "$name")
  if [ -z "$wanted" ]; then say "no $name of version $target"; exit 61; fi
  set -- "$name=$wanted"
  for client in docker-ce-cli docker-cli; do
    case $client in docker-ce-cli) of=docker-ce ;; *) of=docker.io ;; esac
    version_of_client=$(offered "$client")
    if [ "$of" = "$name" ] && [ -n "$version_of_client" ]; then set -- "$@" "$client=$version_of_client"; fi
  done
  say "installing $*"
  apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
if [ -n "$own" ]; then
  say "running the operator's own command"
  PAWL_TARGET=$target sh -c "$own" </dev/null || exit $?
else by_packages || exit $?; fi
if ! at_target; then
  say "restarting the engine"
  engine restart || exit 63
fi
if ! is_up; then exit 64; fi
say "the engine answers as $(version)"
`;

/** A word of a shell text, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A text of this file with its arguments, as the command of a job. */
export function withWords(text: string, words: readonly string[]): string {
  return `set -- ${words.map(quoted).join(" ")}\n${text}`;
}
