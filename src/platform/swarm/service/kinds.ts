import type { StepKind } from "../../../engine/ports.ts";
import { createService } from "./create-service.ts";
import { deployStack } from "./deploy-stack.ts";
import { previewService } from "./preview-service.ts";
import { previewStack } from "./preview-stack.ts";
import { removeService } from "./remove-service.ts";
import { removeStack } from "./remove-stack.ts";
import { rollbackService } from "./rollback-service.ts";
import { tryService } from "./try-service.ts";
import { updateService } from "./update-service.ts";

/** Step kinds about services and stacks. */
export const SERVICE_KINDS: readonly StepKind[] = [
  previewService,
  updateService,
  rollbackService,
  tryService,
  createService,
  removeService,
  previewStack,
  deployStack,
  removeStack,
];
