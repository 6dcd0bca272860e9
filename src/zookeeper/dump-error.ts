/** An archive that is no dump, or not all of one. */
export class DumpError extends Error {
  override readonly name = "DumpError";
}
