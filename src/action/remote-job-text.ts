/**
 * What the job's own process does first: claims the folder (mkdir is atomic, so a second start ends here), leaves its identity
 * (pid, start time, boot id), then runs the command with the umask of its caller and leaves the exit code by rename. POSIX sh;
 * `$1` is the folder, `$2` fills the place of the start time's field.
 */
export const RUN_TEXT = `d=$1
mask=$(umask)
umask 077
mkdir "$d/job" 2>/dev/null || exit 0
boot=$(cat /proc/sys/kernel/random/boot_id)
s=$(cat "/proc/$$/stat")
s=\${s##*") "}
set -- "$1" "$2" $s
shift 21
printf '%s %s %s\\n' "$$" "$1" "$boot" >"$d/pid.new"
: >"$d/stdout"
: >"$d/stderr"
mv "$d/pid.new" "$d/pid"
umask "$mask"
sh "$d/command" >"$d/stdout" 2>"$d/stderr" </dev/null
rc=$?
printf '%s\\n' "$rc" >"$d/rc.new"
mv "$d/rc.new" "$d/rc"
`;

/**
 * The verbs on a job folder: `start DIR RUN BYTES` (command on stdin), `poll DIR`, `read DIR stdout|stderr OFFSET
 * BYTES`, `kill DIR SIGNAL`, `remove DIR`. Liveness comes from /proc: state and start time, so that zombies and reused pids are gone.
 * `start` refuses a folder that is not its own: the folder lies where everybody may write, and its content runs as root. It
 * refuses a command of another length than the one announced: where the connection breaks, the input only ends early, and a
 * command cut to nothing would end with 0.
 */
export const JOB_TEXT = `verb=$1 d=$2
alive() {
  s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  [ -n "$s" ] || return 1
  s=\${s##*") "}
  set -- "$2" $s
  case $2 in Z|X|x) return 1 ;; esac
  shift 20
  [ "$1" = "$want" ]
}
look() {
  if [ ! -d "$d/job" ]; then echo absent; return; fi
  if [ -f "$d/rc" ]; then echo "exited $(cat "$d/rc")"; return; fi
  if [ ! -f "$d/pid" ]; then echo starting; return; fi
  read -r pid want was <"$d/pid"
  boot=$(cat /proc/sys/kernel/random/boot_id)
  if [ "$was" != "$boot" ]; then echo "lost rebooted"; return; fi
  if alive "$pid" "$want"; then echo "running $pid"; return; fi
  if [ -f "$d/rc" ]; then echo "exited $(cat "$d/rc")"; return; fi
  if [ -f "$d/killed" ]; then echo "killed $(cat "$d/killed")"; else echo "lost gone"; fi
}
size() {
  if [ -f "$d/$1" ]; then wc -c <"$d/$1"; else echo 0; fi
}
case $verb in
start)
  mask=$(umask)
  umask 077
  mkdir -p "$d" || exit 1
  for own in "\${d%/*}" "$d"; do
    if [ -L "$own" ] || [ ! -O "$own" ]; then
      echo "$own belongs to somebody else" >&2
      exit 1
    fi
  done
  if [ ! -d "$d/job" ]; then
    cat >"$d/command.$$" || exit 1
    came=$(wc -c <"$d/command.$$")
    if [ "$came" -ne "$4" ]; then
      rm -f "$d/command.$$"
      echo "of the command's $4 bytes $came came" >&2
      exit 1
    fi
    mv "$d/command.$$" "$d/command" || exit 1
    umask "$mask"
    setsid sh -c "$3" pawl-job "$d" "$$" </dev/null >/dev/null 2>&1 &
  fi
  i=0
  while [ ! -f "$d/pid" ] && [ "$i" -lt 20 ]; do i=$((i + 1)); sleep 0.1; done
  look ;;
poll) look; size stdout; size stderr ;;
read) tail -c "+$(($4 + 1))" "$d/$3" | head -c "$5" ;;
kill)
  case $(look) in running*)
    read -r pid want was <"$d/pid"
    printf '%s\\n' "$3" >"$d/killed"
    kill "-$3" "-$pid" ;;
  esac
  sleep 0.2; look ;;
remove)
  case $(look) in running*) look; exit 1 ;; esac
  rm -rf "$d"
  rmdir "\${d%/*}" 2>/dev/null
  look ;;
esac
`;
