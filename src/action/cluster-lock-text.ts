/**
 * The commands of the advisory lock, as text for a POSIX `sh` on a manager. `$1` is always the lock's folder; the lock is the
 * file `holder` in it, one line of JSON, which appears whole or not at all: it is written beside the folder and then linked,
 * and a link is made only where nothing has the name. A crash in between leaves an empty folder, which locks nobody out.
 * `seen` is when the holder last looked after its lock, in epoch seconds of the manager's own clock.
 */

/** Whether the manager still belongs to the cluster the lock is for. `$file` holds the cluster's identity, `$want` is what it must say. */
const IDENTITY = `if [ -n "$want" ]; then
  got=$(cat "$file" 2>/dev/null)
  if [ "$got" != "$want" ]; then echo other-cluster; printf '%s\\n' "$got"; exit 0; fi
fi
`;

/** $2 line, $3 id, $4 identity file, $5 identity. Prints `ours`, `held` with the other's line, or `other-cluster` with what it says. */
export const TAKE = `d=$1 line=$2 id=$3 file=$4 want=$5 t=$1.$3
${IDENTITY}mkdir -p "$d" || exit 1
if ! printf '%s\\n' "$line" >"$t"; then rm -f "$t"; [ -e "$d/holder" ] || rmdir "$d"; exit 1; fi
ln "$t" "$d/holder" 2>/dev/null
rm -f "$t"
found=$(cat "$d/holder" 2>/dev/null)
case $found in
  '') echo "no link could be made in $d" >&2; exit 1 ;;
  *"\\"id\\":\\"$id\\""* | *"\\"run\\":\\"$id\\""*) date +%s >"$d/seen"; echo ours ;;
  *) echo held; printf '%s\\n' "$found" ;;
esac`;

/**
 * $2 the line that was seen, $3 line, $4 id. Puts the line in the place of the one that was seen: who moves that one away is the
 * only one who may. Prints `ours`, or `held` with the line that is there.
 */
export const RENEW = `d=$1 seen=$2 line=$3 t=$1.$4
if ! printf '%s\\n' "$line" >"$t"; then rm -f "$t"; exit 1; fi
if mv "$d/holder" "$t.old" 2>/dev/null; then
  if [ "$(cat "$t.old")" = "$seen" ]; then ln "$t" "$d/holder" 2>/dev/null; else ln "$t.old" "$d/holder" 2>/dev/null; fi
fi
rm -f "$t" "$t.old"
found=$(cat "$d/holder" 2>/dev/null)
if [ "$found" = "$line" ]; then date +%s >"$d/seen"; echo ours; else echo held; printf '%s\\n' "$found"; fi`;

/** $2 id (empty: somebody who only looks), $3 identity file, $4 identity. Prints `absent`, or `present`, the seconds since it was looked after, and the line. */
export const LOOK = `d=$1 id=$2 file=$3 want=$4
${IDENTITY}if [ ! -e "$d/holder" ]; then echo absent; exit 0; fi
found=$(cat "$d/holder" 2>/dev/null)
if [ -n "$id" ]; then
  case $found in *"\\"id\\":\\"$id\\""* | *"\\"run\\":\\"$id\\""*) date +%s >"$d/seen" ;; esac
fi
echo present
seen=$(cat "$d/seen" 2>/dev/null)
if [ -n "$seen" ] && [ "$seen" -ge 0 ] 2>/dev/null; then echo $(($(date +%s) - seen)); else echo unknown; fi
printf '%s\\n' "$found"`;

/** $2 id. Removes the lock where it is this holder's: prints `freed`, `absent` or `foreign`. */
export const FREE = `d=$1 id=$2
rm -f "$d.$id"
if [ ! -e "$d/holder" ]; then rmdir "$d" 2>/dev/null; echo absent; exit 0; fi
case $(cat "$d/holder" 2>/dev/null) in
  *"\\"id\\":\\"$id\\""* | *"\\"run\\":\\"$id\\""*)
    rm -f "$d/holder" "$d/seen" || exit 1
    rmdir "$d" 2>/dev/null
    echo freed ;;
  *) echo foreign ;;
esac`;

/** $2 the line that was seen. Removes the lock whoever holds it, unless another one holds it by now. */
export const BREAK = `d=$1 line=$2
if [ ! -e "$d/holder" ]; then rm -f "$d/seen"; rmdir "$d" 2>/dev/null; echo absent; exit 0; fi
if [ "$(cat "$d/holder")" != "$line" ]; then echo changed; exit 0; fi
rm -f "$d/holder" "$d/seen" || exit 1
rmdir "$d" 2>/dev/null
echo freed`;
