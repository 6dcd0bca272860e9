import * as z from "zod";
import type { ComponentMatrix } from "../domain/documents.ts";
import { date, envelope, name, text, version } from "./fields.ts";

const component = z.strictObject({
  title: text,
  confidence: z.enum(["published", "inferred"]).describe("`inferred`: concluded from what the release builds."),
  source: text,
});

/** The form of a component matrix: what each release ships, for people to compare with; it never decides anything. */
export const componentMatrixSchema = z.strictObject({
  ...envelope("ComponentMatrix"),
  metadata: z.strictObject({ name, title: text, source: text }),
  platform: name,
  "as-of": date.describe("Date of the knowledge."),
  components: z.record(name, component),
  releases: z
    .array(
      z.strictObject({
        version,
        released: date.optional(),
        ships: z.record(name, z.array(text)).describe("Component → any of these versions is what the release ships."),
        workbook: z.record(name, text).describe("What another matrix says where that is something else.").optional(),
      }),
    )
    .min(1),
});

export type ComponentMatrixForm = z.infer<typeof componentMatrixSchema>;

/** The matrix that a valid form stands for. */
export function toComponentMatrix(form: ComponentMatrixForm): ComponentMatrix {
  const { name: called, title, source } = form.metadata;
  return { name: called, title, source, platform: form.platform, components: Object.keys(form.components) };
}
