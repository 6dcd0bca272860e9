/** A text (a cluster's identity, say) as one safe file name: everything but letters, digits, `.`, `_` and `-` becomes %XX; so does a leading dot. */
export function fileNameOf(text: string): string {
  return (
    encodeURIComponent(text)
      .replaceAll(/[!'()*~]/g, percent)
      .replace(/^\./, percent)
      .slice(0, 200) || "%00"
  );
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
